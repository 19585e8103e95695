package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

const (
	callTimeout = 30 * time.Second
	retryFor    = 5 * time.Minute // a hard mount waits for its server; a lab's test should end some day
	maxReply    = 4 << 20
)

// encoder writes XDR.
type encoder struct{ b []byte }

func (e *encoder) u32(v uint32) *encoder {
	e.b = binary.BigEndian.AppendUint32(e.b, v)
	return e
}

func (e *encoder) u64(v uint64) *encoder {
	e.b = binary.BigEndian.AppendUint64(e.b, v)
	return e
}

func (e *encoder) opaque(v []byte) *encoder {
	e.u32(uint32(len(v)))
	e.b = append(e.b, v...)
	for len(e.b)%4 != 0 {
		e.b = append(e.b, 0)
	}
	return e
}

func (e *encoder) text(v string) *encoder { return e.opaque([]byte(v)) }

// decoder reads XDR; after the first fault everything is zero and err says so.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) take(n int) []byte {
	if d.err != nil || n < 0 || n > len(d.b) {
		d.err = errors.New("the server's answer is cut off")
		return make([]byte, max(0, min(n, 8)))
	}
	taken := d.b[:n]
	d.b = d.b[n:]
	return taken
}

func (d *decoder) u32() uint32 { return binary.BigEndian.Uint32(d.take(4)) }
func (d *decoder) u64() uint64 { return binary.BigEndian.Uint64(d.take(8)) }
func (d *decoder) bool() bool  { return d.u32() != 0 }

func (d *decoder) opaque() []byte {
	n := int(d.u32())
	if d.err != nil || n > len(d.b) {
		d.take(len(d.b) + 1)
		return nil
	}
	value := d.take(n)
	d.take((4 - n%4) % 4)
	return value
}

// credentials is who asks: what AUTH_UNIX tells the server.
type credentials struct {
	uid, gid uint32
	groups   []uint32
}

func (c credentials) encode(host string) []byte {
	e := new(encoder)
	e.u32(0).text(host).u32(c.uid).u32(c.gid)
	groups := c.groups[:min(len(c.groups), 16)] // AUTH_UNIX has no room for more
	e.u32(uint32(len(groups)))
	for _, group := range groups {
		e.u32(group)
	}
	return e.b
}

// connection speaks ONC RPC over TCP to one program, one call at a time; a lost connection is made again.
type connection struct {
	sync.Mutex
	address          string
	program, version uint32
	host             string // this machine's name
	privileged       bool
	tcp              net.Conn
	xid              uint32
}

// call sends one procedure's arguments and returns the decoder of its results. It is repeated until the server
// answers: NFSv3 is stateless, and a repeated call that had been done already is the server's reply cache's matter.
func (c *connection) call(who credentials, procedure uint32, arguments []byte, patience time.Duration) (*decoder, error) {
	c.Lock()
	defer c.Unlock()
	c.xid++
	e := new(encoder)
	e.u32(c.xid).u32(0).u32(2).u32(c.program).u32(c.version).u32(procedure)
	e.u32(1).opaque(who.encode(c.host)).u32(0).u32(0)
	message := append(e.b, arguments...)
	end := time.Now().Add(patience)
	for {
		answer, err := c.exchange(message)
		if err == nil {
			return accepted(answer)
		}
		if c.tcp != nil {
			c.tcp.Close()
			c.tcp = nil
		}
		if time.Now().After(end) {
			return nil, err
		}
		time.Sleep(500 * time.Millisecond)
	}
}

func (c *connection) exchange(message []byte) (*decoder, error) {
	if c.tcp == nil {
		if err := c.dial(); err != nil {
			return nil, err
		}
	}
	c.tcp.SetDeadline(time.Now().Add(callTimeout))
	record := binary.BigEndian.AppendUint32(nil, 1<<31|uint32(len(message)))
	if _, err := c.tcp.Write(append(record, message...)); err != nil {
		return nil, err
	}
	for {
		reply, err := c.record()
		if err != nil {
			return nil, err
		}
		d := &decoder{b: reply}
		if d.u32() == c.xid { // an answer to a call before this one is dropped
			return d, nil
		}
	}
}

func (c *connection) record() ([]byte, error) {
	var whole []byte
	for {
		head := make([]byte, 4)
		if _, err := io.ReadFull(c.tcp, head); err != nil {
			return nil, err
		}
		mark := binary.BigEndian.Uint32(head)
		size := int(mark &^ (1 << 31))
		if len(whole)+size > maxReply {
			return nil, fmt.Errorf("an answer of %d bytes", size)
		}
		part := make([]byte, size)
		if _, err := io.ReadFull(c.tcp, part); err != nil {
			return nil, err
		}
		whole = append(whole, part...)
		if mark>>31 == 1 {
			return whole, nil
		}
	}
}

// dial connects, from a port that only root can have when the server wants that.
func (c *connection) dial() error {
	dialer := net.Dialer{Timeout: 10 * time.Second}
	if !c.privileged {
		tcp, err := dialer.Dial("tcp", c.address)
		c.tcp = tcp
		return err
	}
	var last error
	for port := 1023; port > 664; port-- {
		dialer.LocalAddr = &net.TCPAddr{Port: port}
		tcp, err := dialer.Dial("tcp", c.address)
		if err == nil {
			c.tcp = tcp
			return nil
		}
		last = err
		if !inUse(err) {
			break
		}
	}
	return last
}

func accepted(d *decoder) (*decoder, error) {
	kind, denied := d.u32(), d.u32()
	if kind != 1 || denied != 0 {
		return nil, errors.New("the server denies the call: its authentication, or its RPC version, is another")
	}
	d.u32()
	d.opaque()
	if status := d.u32(); status != 0 {
		return nil, fmt.Errorf("the server does not accept the call, RPC status %d", status)
	}
	return d, d.err
}

// portOf asks the server's port mapper for a program's TCP port.
func portOf(host string, program, version uint32) (int, error) {
	mapper := &connection{address: net.JoinHostPort(host, "111"), program: 100000, version: 2}
	d, err := mapper.call(credentials{}, 3, new(encoder).u32(program).u32(version).u32(6).u32(0).b, 0)
	if err != nil {
		return 0, err
	}
	mapper.tcp.Close()
	if port := d.u32(); port != 0 {
		return int(port), nil
	}
	return 0, fmt.Errorf("%s has no RPC program %d version %d", host, program, version)
}
