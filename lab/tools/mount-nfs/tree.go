package main

import (
	"context"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// node is a file or directory of the export. Nothing is cached: two nodes of the cluster see each other's writes at once.
type node struct {
	fs.Inode
	export *export
	handle handle
}

var kinds = [...]uint32{0, syscall.S_IFREG, syscall.S_IFDIR, syscall.S_IFBLK, syscall.S_IFCHR, syscall.S_IFLNK,
	syscall.S_IFSOCK, syscall.S_IFIFO}

func kindOf(nfs uint32) uint32 {
	if int(nfs) < len(kinds) {
		return kinds[nfs]
	}
	return 0
}

// caller is who asks, with the groups that its process has: the server decides by them, not this program.
func caller(ctx context.Context) credentials {
	from, ok := fuse.FromContext(ctx)
	if !ok {
		return credentials{}
	}
	who := credentials{uid: from.Uid, gid: from.Gid}
	status, err := os.ReadFile("/proc/" + strconv.Itoa(int(from.Pid)) + "/status")
	if err != nil {
		return who
	}
	_, after, _ := strings.Cut(string(status), "\nGroups:")
	line, _, _ := strings.Cut(after, "\n")
	for _, word := range strings.Fields(line) {
		if group, err := strconv.ParseUint(word, 10, 32); err == nil {
			who.groups = append(who.groups, uint32(group))
		}
	}
	return who
}

func fill(out *fuse.Attr, a *attributes) {
	out.Mode, out.Nlink, out.Uid, out.Gid = kindOf(a.kind)|a.mode&0o7777, a.links, a.uid, a.gid
	out.Size, out.Ino, out.Blocks, out.Blksize = a.size, a.id, (a.used+511)/512, 4096
	out.Atime, out.Atimensec = uint64(a.atime[0]), a.atime[1]
	out.Mtime, out.Mtimensec = uint64(a.mtime[0]), a.mtime[1]
	out.Ctime, out.Ctimensec = uint64(a.ctime[0]), a.ctime[1]
}

func (n *node) child(ctx context.Context, h handle, a *attributes, out *fuse.EntryOut) *fs.Inode {
	fill(&out.Attr, a)
	made := &node{export: n.export, handle: h}
	return n.NewInode(ctx, made, fs.StableAttr{Mode: kindOf(a.kind), Ino: a.id})
}

func (n *node) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	h, a, errno := n.export.lookup(caller(ctx), n.handle, name)
	if errno != 0 {
		return nil, errno
	}
	return n.child(ctx, h, a, out), 0
}

func (n *node) Getattr(ctx context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	a, errno := n.export.getattr(caller(ctx), n.handle)
	if errno == 0 {
		fill(&out.Attr, a)
	}
	return errno
}

func (n *node) Setattr(ctx context.Context, f fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	var c changes
	if mode, ok := in.GetMode(); ok {
		mode &= 0o7777
		c.mode = &mode
	}
	if uid, ok := in.GetUID(); ok {
		c.uid = &uid
	}
	if gid, ok := in.GetGID(); ok {
		c.gid = &gid
	}
	if size, ok := in.GetSize(); ok {
		c.size = &size
	}
	if moment, ok := in.GetATime(); ok {
		c.atime = &moment
	}
	if moment, ok := in.GetMTime(); ok {
		c.mtime = &moment
	}
	if errno := n.export.setattr(caller(ctx), n.handle, c); errno != 0 {
		return errno
	}
	return n.Getattr(ctx, f, out)
}

func (n *node) Access(ctx context.Context, mask uint32) syscall.Errno {
	var want uint32
	for bit, rights := range map[uint32]uint32{4: 0x01, 2: 0x04 | 0x08, 1: 0x02 | 0x20} {
		if mask&bit != 0 {
			want |= rights
		}
	}
	d, errno := n.export.do(caller(ctx), procAccess, new(encoder).opaque(n.handle).u32(want))
	if errno != 0 {
		return errno
	}
	d.maybeAttributes()
	given := d.u32()
	for bit, rights := range map[uint32]uint32{4: 0x01, 2: 0x04 | 0x08, 1: 0x02 | 0x20} {
		if mask&bit != 0 && given&rights == 0 {
			return syscall.EACCES
		}
	}
	return ioError(d)
}

func (n *node) Readdir(ctx context.Context) (fs.DirStream, syscall.Errno) {
	entries, errno := n.export.list(caller(ctx), n.handle)
	if errno != 0 {
		return nil, errno
	}
	var shown []fuse.DirEntry
	for _, e := range entries {
		if e.name != "." && e.name != ".." {
			shown = append(shown, fuse.DirEntry{Name: e.name, Ino: e.id, Mode: kindOf(e.kind)})
		}
	}
	return fs.NewListDirStream(shown), 0
}

func (n *node) made(ctx context.Context, out *fuse.EntryOut, procedure uint32, name string, rest *encoder) (*fs.Inode, syscall.Errno) {
	h, a, errno := n.export.make(caller(ctx), procedure, n.handle, name, rest)
	if errno != 0 {
		return nil, errno
	}
	return n.child(ctx, h, a, out), 0
}

func (n *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	mode &= 0o7777
	return n.made(ctx, out, procMkdir, name, new(encoder).changes(changes{mode: &mode}))
}

func (n *node) Symlink(ctx context.Context, target, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return n.made(ctx, out, procSymlink, name, new(encoder).changes(changes{}).text(target))
}

func (n *node) Create(
	ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut,
) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	mode &= 0o7777
	how := uint32(0) // unchecked
	if flags&syscall.O_EXCL != 0 {
		how = 1 // guarded
	}
	inode, errno := n.made(ctx, out, procCreate, name, new(encoder).u32(how).changes(changes{mode: &mode}))
	if errno != 0 {
		return nil, nil, 0, errno
	}
	return inode, &file{inode.Operations().(*node), flags}, fuse.FOPEN_DIRECT_IO, 0
}

func (n *node) Link(ctx context.Context, target fs.InodeEmbedder, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	from, ok := target.(*node)
	if !ok {
		return nil, syscall.EXDEV
	}
	if _, errno := n.export.do(caller(ctx), procLink, new(encoder).opaque(from.handle).opaque(n.handle).text(name)); errno != 0 {
		return nil, errno
	}
	return n.Lookup(ctx, name, out)
}

func (n *node) Readlink(ctx context.Context) ([]byte, syscall.Errno) {
	d, errno := n.export.do(caller(ctx), procReadlink, new(encoder).opaque(n.handle))
	if errno != 0 {
		return nil, errno
	}
	d.maybeAttributes()
	return d.opaque(), ioError(d)
}

func (n *node) Unlink(ctx context.Context, name string) syscall.Errno {
	_, errno := n.export.do(caller(ctx), procRemove, new(encoder).opaque(n.handle).text(name))
	return errno
}

func (n *node) Rmdir(ctx context.Context, name string) syscall.Errno {
	_, errno := n.export.do(caller(ctx), procRmdir, new(encoder).opaque(n.handle).text(name))
	return errno
}

func (n *node) Rename(ctx context.Context, name string, into fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	target, ok := into.(*node)
	if !ok || flags&^unix.RENAME_NOREPLACE != 0 {
		return syscall.EINVAL
	}
	if flags != 0 {
		if _, _, errno := n.export.lookup(caller(ctx), target.handle, newName); errno == 0 {
			return syscall.EEXIST
		}
	}
	e := new(encoder).opaque(n.handle).text(name).opaque(target.handle).text(newName)
	_, errno := n.export.do(caller(ctx), procRename, e)
	return errno
}

func (n *node) Statfs(ctx context.Context, out *fuse.StatfsOut) syscall.Errno {
	d, errno := n.export.do(caller(ctx), procFsstat, new(encoder).opaque(n.handle))
	if errno != 0 {
		return errno
	}
	d.maybeAttributes()
	out.Bsize, out.Frsize, out.NameLen = 4096, 4096, 255
	out.Blocks, out.Bfree, out.Bavail = d.u64()/4096, d.u64()/4096, d.u64()/4096
	out.Files, out.Ffree = d.u64(), d.u64()
	return ioError(d)
}

func (n *node) Open(_ context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return &file{n, flags}, fuse.FOPEN_DIRECT_IO, 0
}

// file is an open file.
type file struct {
	node  *node
	flags uint32
}

func (f *file) Read(ctx context.Context, into []byte, offset int64) (fuse.ReadResult, syscall.Errno) {
	n, errno := f.node.export.read(caller(ctx), f.node.handle, into, uint64(offset))
	return fuse.ReadResultData(into[:n]), errno
}

func (f *file) Write(ctx context.Context, data []byte, offset int64) (uint32, syscall.Errno) {
	who := caller(ctx)
	if f.flags&syscall.O_APPEND != 0 { // where the end is now: another node may have written
		a, errno := f.node.export.getattr(who, f.node.handle)
		if errno != 0 {
			return 0, errno
		}
		offset = int64(a.size)
	}
	n, errno := f.node.export.write(who, f.node.handle, data, uint64(offset))
	return uint32(n), errno
}

// Fsync has nothing to do: every write is stable.
func (f *file) Fsync(context.Context, uint32) syscall.Errno { return 0 }

// Flush has nothing to do either.
func (f *file) Flush(context.Context) syscall.Errno { return 0 }
