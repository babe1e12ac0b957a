package stream

import (
	"fmt"
	"hash/crc32"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"
)

// An output compresses blocks in parallel and writes them in order.
type output struct {
	w       io.Writer
	encoder *zstd.Encoder
	idle    time.Duration
	order   chan *packet // its room bounds the blocks in flight
	written atomic.Int64
	err     atomic.Pointer[error]
	done    chan struct{} // closed when the writing goroutine has ended
	closing sync.Once
}

// A packet is a block on its way out, or a mark that somebody waits for.
type packet struct {
	content []byte // nil where the frame is a copy
	label   Label
	room    []byte // 64 bytes for the label, and the frame
	done    chan struct{}
	mark    chan struct{}
}

func newOutput(w io.Writer, o WriterOptions) *output {
	out := &output{w: w, encoder: encoderOf(o), idle: o.KeepAlive, order: make(chan *packet, o.Workers), done: make(chan struct{})}
	go out.run()
	return out
}

// encoders has the encoder of each level and number of workers. They take some
// megabytes and serve any number of writers.
var encoders sync.Map

type encoderKey struct {
	level   zstd.EncoderLevel
	workers int
}

func encoderOf(o WriterOptions) *zstd.Encoder {
	key := encoderKey{zstd.EncoderLevelFromZstd(o.Level), o.Workers}
	if e, ok := encoders.Load(key); ok {
		return e.(*zstd.Encoder)
	}
	encoder, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(key.level),
		zstd.WithEncoderConcurrency(key.workers),
		zstd.WithWindowSize(2<<20), // of more than a common block an encoder only keeps empty memory
		zstd.WithSingleSegment(true),
		zstd.WithEncoderCRC(true))
	if err != nil {
		panic("stream: zstd: " + err.Error()) // none of these options can be wrong
	}
	e, _ := encoders.LoadOrStore(key, encoder)
	return e.(*zstd.Encoder)
}

// block sends content on its way. The output takes it over.
func (o *output) block(l Label, content []byte) {
	p := &packet{label: l, content: content, done: make(chan struct{})}
	o.order <- p
	go o.compress(p)
}

// copy sends a frame on its way that is compressed already.
func (o *output) copy(l Label, frame []byte) {
	o.order <- &packet{label: l, room: frame}
}

// compress makes the frame of a packet. The encoder bounds how many do so at a
// time.
func (o *output) compress(p *packet) {
	room := getBuffer()
	if cap(room) < labelSize+len(p.content) {
		room = newBuffer(labelSize + len(p.content) + len(p.content)>>8)
	}
	room = room[:labelSize]
	p.room = o.encoder.EncodeAll(p.content, room)
	putBuffer(p.content)
	frame := p.room[labelSize:]
	p.label.FrameLen = uint32(len(frame))
	p.label.CRC = crc32.Checksum(frame, castagnoli)
	p.label.append(p.room[:0])
	close(p.done)
}

// run writes what comes. After an error it goes on taking packets and drops them,
// so that nobody hangs.
func (o *output) run() {
	defer close(o.done)
	idle := time.NewTimer(max(o.idle, 0))
	defer idle.Stop()
	for {
		// The stream begins with a label, so there is no empty frame before it.
		var quiet <-chan time.Time
		if o.idle > 0 && o.written.Load() > 0 {
			idle.Reset(o.idle)
			quiet = idle.C
		}
		select {
		case p, ok := <-o.order:
			if !ok {
				return
			}
			o.take(p)
		case <-quiet:
			o.write([]byte(keepAlive))
		}
	}
}

func (o *output) take(p *packet) {
	switch {
	case p.mark != nil:
		close(p.mark)
		return
	case p.done != nil:
		<-p.done
		o.write(p.room)
	default:
		o.write(p.label.append(nil))
		o.write(p.room)
	}
	putBuffer(p.room)
}

func (o *output) write(b []byte) {
	if o.err.Load() != nil {
		return
	}
	n, err := o.w.Write(b)
	o.written.Add(int64(n))
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if err != nil {
		err = fmt.Errorf("write at byte %d: %w", o.written.Load(), err)
		o.err.Store(&err)
	}
}

// failed returns the error that has struck, if one has.
func (o *output) failed() error {
	if err := o.err.Load(); err != nil {
		return *err
	}
	return nil
}

// wait waits until everything sent has been written.
func (o *output) wait() error {
	mark := make(chan struct{})
	o.order <- &packet{mark: mark}
	<-mark
	return o.failed()
}

// close waits until everything sent has been written, and ends the output.
func (o *output) close() error {
	o.closing.Do(func() { close(o.order) })
	<-o.done
	return o.failed()
}
