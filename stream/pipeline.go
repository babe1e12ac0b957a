package stream

import (
	"context"
	"io"
	"runtime"
	"sync"

	"golang.org/x/sync/semaphore"
)

// A pipeline reads blocks ahead of the caller, decodes them in parallel, and
// hands them out in order.
type pipeline struct {
	src    *source
	decode func(*Label) bool // which blocks to decode; the others are only checked

	work  chan *job
	order chan *job
	room  *semaphore.Weighted // of what is in flight
	stop  <-chan struct{}     // closed by cancel
	// cancel ends all goroutines.
	cancel context.CancelFunc
	wg     sync.WaitGroup // of the workers
	ended  chan struct{}  // closed when the reading goroutine has ended
}

// A job is a block on its way.
type job struct {
	block   *Block
	content *content // nil where the block was not to be decoded
	err     error
	cost    int64 // of room
	done    chan struct{}
}

// inFlight bounds what is read ahead: compressed, decompressed and views of
// records taken together.
const inFlight = 24 << 20

// viewSize is about the size of a view.
const viewSize = 96

func newPipeline(r io.Reader, workers int, decode func(*Label) bool) *pipeline {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &pipeline{
		src:    &source{r: r},
		decode: decode,
		work:   make(chan *job),
		order:  make(chan *job, 2*workers),
		room:   semaphore.NewWeighted(inFlight),
		stop:   ctx.Done(),
		cancel: cancel,
		ended:  make(chan struct{}),
	}
	for range workers {
		p.wg.Go(p.worker)
	}
	go p.read(ctx)
	return p
}

// read fetches blocks until the input ends. It is not waited for: it may hang in
// a Read that nothing ends.
func (p *pipeline) read(ctx context.Context) {
	defer close(p.ended)
	defer close(p.order)
	defer close(p.work)
	for {
		j := &job{done: make(chan struct{})}
		if j.block, j.err = p.src.next(getBuffer()); j.err != nil {
			close(j.done)
			p.send(p.order, j)
			return
		}
		l := &j.block.Label
		j.cost = int64(l.FrameLen)
		if p.decode(l) {
			j.cost += int64(l.ContentLen) + int64(l.Records)*viewSize
		}
		j.cost = min(j.cost, inFlight) // a larger block goes alone
		if p.room.Acquire(ctx, j.cost) != nil || !p.send(p.order, j) || !p.send(p.work, j) {
			return
		}
	}
}

func (p *pipeline) send(c chan<- *job, j *job) bool {
	select {
	case c <- j:
		return true
	case <-p.stop:
		return false
	}
}

func (p *pipeline) worker() {
	for {
		var j *job
		select {
		case j = <-p.work:
		case <-p.stop:
			return
		}
		if j == nil {
			return // the input has ended
		}
		if p.decode(&j.block.Label) {
			j.content, j.err = j.block.decode(getBuffer())
		} else {
			j.err = j.block.check()
		}
		close(j.done)
	}
}

// next returns the next block, or the error of the job in its place.
func (p *pipeline) next() (*job, error) {
	select {
	case j, ok := <-p.order:
		if !ok {
			return nil, ErrClosed
		}
		select {
		case <-j.done:
			return j, j.err
		case <-p.stop:
		}
	case <-p.stop:
	}
	return nil, ErrClosed
}

// release releases the space of a job that is done with.
func (p *pipeline) release(j *job) {
	p.room.Release(j.cost)
}

// close stops the workers and waits for them. A Read of the input that is under
// way is left to end, and none follows it.
func (p *pipeline) close() {
	p.cancel()
	p.wg.Wait()
}

// buffers holds slices that frames and contents were in, until the garbage
// collector has passed twice.
var buffers sync.Pool

const (
	smallestPooled = 64 << 10
	largestPooled  = maxContent + 1<<20
)

func getBuffer() []byte {
	if b, ok := buffers.Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return nil
}

// newBuffer returns room for n bytes, rounded up so that the next block fits too.
func newBuffer(n int) []byte {
	if n >= smallestPooled {
		const step = 256 << 10
		n = (n + step - 1) / step * step
	}
	return make([]byte, 0, n)
}

func putBuffer(b []byte) {
	if cap(b) >= smallestPooled && cap(b) <= largestPooled {
		buffers.Put(&b)
	}
}
