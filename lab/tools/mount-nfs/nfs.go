package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"
)

// Procedures of NFS version 3 (RFC 1813).
const (
	procGetattr = 1 + iota
	procSetattr
	procLookup
	procAccess
	procReadlink
	procRead
	procWrite
	procCreate
	procMkdir
	procSymlink
	procMknod
	procRemove
	procRmdir
	procRename
	procLink
	procReaddir
	procReaddirplus
	procFsstat
	procFsinfo
	procPathconf
	procCommit
)

const (
	programNFS, programMount = 100003, 100005
	fileSync                 = 2
	chunk                    = 128 << 10
)

type handle []byte

// attributes are fattr3.
type attributes struct {
	kind, mode, links, uid, gid uint32
	size, used, id              uint64
	atime, mtime, ctime         [2]uint32 // seconds, nanoseconds
}

func (d *decoder) attributes() *attributes {
	a := new(attributes)
	a.kind, a.mode, a.links, a.uid, a.gid = d.u32(), d.u32(), d.u32(), d.u32(), d.u32()
	a.size, a.used = d.u64(), d.u64()
	d.u64() // device numbers
	d.u64() // file system
	a.id = d.u64()
	for _, moment := range []*[2]uint32{&a.atime, &a.mtime, &a.ctime} {
		moment[0], moment[1] = d.u32(), d.u32()
	}
	return a
}

func (d *decoder) maybeAttributes() *attributes {
	if d.bool() {
		return d.attributes()
	}
	return nil
}

// wcc skips what changed in a directory or file.
func (d *decoder) wcc() {
	if d.bool() {
		d.take(24)
	}
	d.maybeAttributes()
}

// changes are sattr3: nil leaves a value as it is.
type changes struct {
	mode, uid, gid *uint32
	size           *uint64
	atime, mtime   *time.Time
}

func (e *encoder) changes(c changes) *encoder {
	for _, value := range []*uint32{c.mode, c.uid, c.gid} {
		if value == nil {
			e.u32(0)
		} else {
			e.u32(1).u32(*value)
		}
	}
	if c.size == nil {
		e.u32(0)
	} else {
		e.u32(1).u64(*c.size)
	}
	for _, moment := range []*time.Time{c.atime, c.mtime} {
		if moment == nil {
			e.u32(0)
		} else {
			e.u32(2).u32(uint32(moment.Unix())).u32(uint32(moment.Nanosecond()))
		}
	}
	return e
}

// export is a mounted export: calls by file handle, each with the credentials of whoever asks.
type export struct {
	nfs  *connection
	root handle
}

// mountExport finds the server's programs and gets the handle of a path.
func mountExport(host, path, self string) (*export, error) {
	port, err := portOf(host, programMount, 3)
	if err != nil {
		return nil, err
	}
	mount := &connection{address: net.JoinHostPort(host, strconv.Itoa(port)), program: programMount, version: 3,
		host: self, privileged: true}
	d, err := mount.call(credentials{}, 1, new(encoder).text(path).b, 0)
	if err != nil {
		return nil, err
	}
	mount.tcp.Close()
	if status := d.u32(); status != 0 {
		return nil, fmt.Errorf("%s:%s: %w", host, path, syscall.Errno(status))
	}
	root := handle(d.opaque())
	if port, err = portOf(host, programNFS, 3); err != nil {
		return nil, err
	}
	nfs := &connection{address: net.JoinHostPort(host, strconv.Itoa(port)), program: programNFS, version: 3,
		host: self, privileged: true}
	return &export{nfs, root}, d.err
}

// do calls a procedure; what it returns begins behind the status. A fault of the server's is its errno.
func (x *export) do(who credentials, procedure uint32, arguments *encoder) (*decoder, syscall.Errno) {
	d, err := x.nfs.call(who, procedure, arguments.b, retryFor)
	if err != nil {
		return nil, syscall.EIO
	}
	if status := d.u32(); status != 0 {
		return nil, errnoOf(status)
	}
	return d, 0
}

// errnoOf turns an nfsstat3 into an errno: most are the same number.
func errnoOf(status uint32) syscall.Errno {
	special := map[uint32]syscall.Errno{
		63: syscall.ENAMETOOLONG, 66: syscall.ENOTEMPTY, 69: syscall.EDQUOT, 70: syscall.ESTALE, 71: syscall.EREMOTE,
		10001: syscall.ESTALE, 10004: syscall.ENOTSUP, 10008: syscall.EAGAIN,
	}
	if errno, ok := special[status]; ok {
		return errno
	}
	if status < 10000 {
		return syscall.Errno(status)
	}
	return syscall.EIO
}

func inUse(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EADDRNOTAVAIL)
}

func (x *export) getattr(who credentials, of handle) (*attributes, syscall.Errno) {
	d, errno := x.do(who, procGetattr, new(encoder).opaque(of))
	if errno != 0 {
		return nil, errno
	}
	return d.attributes(), ioError(d)
}

func (x *export) setattr(who credentials, of handle, c changes) syscall.Errno {
	_, errno := x.do(who, procSetattr, new(encoder).opaque(of).changes(c).u32(0))
	return errno
}

func (x *export) lookup(who credentials, in handle, name string) (handle, *attributes, syscall.Errno) {
	d, errno := x.do(who, procLookup, new(encoder).opaque(in).text(name))
	if errno != 0 {
		return nil, nil, errno
	}
	found := handle(d.opaque())
	return x.complete(who, found, d.maybeAttributes(), d)
}

// make calls one of the procedures that make something, and returns its handle.
func (x *export) make(who credentials, procedure uint32, in handle, name string, rest *encoder) (handle, *attributes, syscall.Errno) {
	arguments := new(encoder).opaque(in).text(name)
	arguments.b = append(arguments.b, rest.b...)
	d, errno := x.do(who, procedure, arguments)
	if errno != 0 {
		return nil, nil, errno
	}
	if !d.bool() {
		return x.lookup(who, in, name)
	}
	made := handle(d.opaque())
	return x.complete(who, made, d.maybeAttributes(), d)
}

func (x *export) complete(who credentials, h handle, a *attributes, d *decoder) (handle, *attributes, syscall.Errno) {
	if d.err != nil {
		return nil, nil, syscall.EIO
	}
	if a != nil {
		return h, a, 0
	}
	a, errno := x.getattr(who, h)
	return h, a, errno
}

func (x *export) read(who credentials, of handle, into []byte, offset uint64) (int, syscall.Errno) {
	done := 0
	for done < len(into) {
		count := uint32(min(chunk, len(into)-done))
		d, errno := x.do(who, procRead, new(encoder).opaque(of).u64(offset+uint64(done)).u32(count))
		if errno != 0 {
			return done, errno
		}
		d.maybeAttributes()
		d.u32()
		end := d.bool()
		data := d.opaque()
		if d.err != nil {
			return done, syscall.EIO
		}
		done += copy(into[done:], data)
		if end || len(data) == 0 {
			break
		}
	}
	return done, 0
}

// write is stable: what the server acknowledged survives its restart.
func (x *export) write(who credentials, to handle, data []byte, offset uint64) (int, syscall.Errno) {
	done := 0
	for done < len(data) {
		part := data[done:min(len(data), done+chunk)]
		e := new(encoder).opaque(to).u64(offset + uint64(done)).u32(uint32(len(part))).u32(fileSync).opaque(part)
		d, errno := x.do(who, procWrite, e)
		if errno != 0 {
			return done, errno
		}
		d.wcc()
		count := int(d.u32())
		if d.err != nil || count == 0 {
			return done, syscall.EIO
		}
		done += count
	}
	return done, 0
}

type entry struct {
	name string
	id   uint64
	kind uint32
}

// list reads a whole directory.
func (x *export) list(who credentials, of handle) ([]entry, syscall.Errno) {
	var entries []entry
	cookie, verifier := uint64(0), make([]byte, 8)
	for {
		e := new(encoder).opaque(of).u64(cookie)
		e.b = append(e.b, verifier...)
		d, errno := x.do(who, procReaddirplus, e.u32(32<<10).u32(64<<10))
		if errno != 0 {
			return nil, errno
		}
		d.maybeAttributes()
		verifier = append([]byte(nil), d.take(8)...)
		before := cookie
		for d.bool() && d.err == nil {
			found := entry{id: d.u64(), name: string(d.opaque())}
			cookie = d.u64()
			if a := d.maybeAttributes(); a != nil {
				found.kind = a.kind
			}
			if d.bool() {
				d.opaque()
			}
			entries = append(entries, found)
		}
		end := d.bool()
		if d.err != nil || (!end && cookie == before) {
			return nil, syscall.EIO
		}
		if end {
			return entries, 0
		}
	}
}

func ioError(d *decoder) syscall.Errno {
	if d.err != nil {
		return syscall.EIO
	}
	return 0
}
