// A load generator on fortio's runner, with Go's own HTTP client: users who ask again as soon as they are answered, each
// on a connection of its own.
//
// It is not fortio's own program: that has a scripting language and servers beside, says nothing while it runs, and its
// percentiles are as coarse as its buckets.
// This one prints one JSON object a line: every second how far it is, at last the result.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"fortio.org/fortio/periodic"
	"fortio.org/fortio/version"
	"fortio.org/log"
)

const (
	versionHeader = "X-App-Version"
	lastAnswers   = 2 * time.Second // for what is under way when the user interrupts
)

// beat is how far it is.
type beat struct {
	Seconds    float64 `json:"seconds"`
	Requests   int64   `json:"requests"`
	Unanswered int64   `json:"unanswered"`
	Failed     int64   `json:"failed"` // answered with a status outside 2xx and 3xx
}

// result is what came of it.
type result struct {
	Seconds    float64          `json:"seconds"`
	Requests   int64            `json:"requests"`
	Unanswered int64            `json:"unanswered"`
	Codes      map[int]int64    `json:"codes"`
	Versions   map[string]int64 `json:"versions"` // by what the answering application says of itself
	Latency    *latency         `json:"latency"`  // of the answers; none without any
	Problem    string           `json:"problem"`  // why the first request without an answer had none
}

// latency is in seconds.
type latency struct {
	P50 float32 `json:"p50"`
	P90 float32 `json:"p90"`
	P99 float32 `json:"p99"`
	Max float32 `json:"max"`
}

type counters struct {
	requests, unanswered, failed atomic.Int64
}

func (c *counters) beat(since time.Time) beat {
	return beat{time.Since(since).Seconds(), c.requests.Load(), c.unanswered.Load(), c.failed.Load()}
}

type user struct {
	client    *http.Client
	url       string
	body      string
	ctx       context.Context
	all       *counters
	codes     map[int]int64
	versions  map[string]int64
	latencies []float32 // seconds; four bytes each, for millions of them
	problem   string
}

func newUser(ctx context.Context, url, body string, patience time.Duration, all *counters) *user {
	return &user{
		client: &http.Client{
			Timeout:   patience,
			Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 1},
			// A redirect could lead to another machine.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		url: url, body: body, ctx: ctx, all: all,
		codes: map[int]int64{}, versions: map[string]int64{},
	}
}

// Run makes one request.
func (u *user) Run(context.Context, periodic.ThreadID) (bool, string) {
	begun := time.Now()
	code, version, err := u.ask()
	u.all.requests.Add(1)
	if err != nil {
		u.all.unanswered.Add(1)
		if u.problem == "" {
			u.problem = err.Error()
		}
		return false, ""
	}
	u.latencies = append(u.latencies, float32(time.Since(begun).Seconds()))
	u.codes[code]++
	succeeded := code >= http.StatusOK && code < http.StatusBadRequest
	if !succeeded {
		u.all.failed.Add(1)
	}
	if version != "" {
		u.versions[version]++
	}
	return succeeded, ""
}

func (u *user) ask() (int, string, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if u.body != "" {
		method, body = http.MethodPost, strings.NewReader(u.body)
	}
	request, err := http.NewRequestWithContext(u.ctx, method, u.url, body)
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("User-Agent", "istio-lab-fortio/"+version.Short())
	if u.body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := u.client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return 0, "", err // half an answer is none
	}
	return response.StatusCode, response.Header.Get(versionHeader), nil
}

func run(url, body string, users int, duration, patience time.Duration, supervised bool) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	aborter := periodic.NewAborter()
	go func() {
		interrupted(supervised)
		aborter.Abort(true)
		time.Sleep(lastAnswers)
		cancel()
	}()

	all := &counters{}
	crowd := make([]*user, users)
	runner := periodic.NewPeriodicRunner(&periodic.RunnerOptions{
		NumThreads: users,
		QPS:        -1, // as fast as the answers come
		Duration:   duration,
		Stop:       aborter,
		Out:        io.Discard,
	})
	for i := range crowd {
		crowd[i] = newUser(ctx, url, body, patience, all)
		runner.Options().Runners[i] = crowd[i] // it forgets those that it is made with
	}
	out := json.NewEncoder(os.Stdout)
	stop := everySecond(func(since time.Time) { _ = out.Encode(map[string]beat{"beat": all.beat(since)}) })
	took := runner.Run().ActualDuration
	stop()
	return out.Encode(map[string]result{"result": summary(crowd, all, took)})
}

func summary(crowd []*user, all *counters, took time.Duration) result {
	total := result{
		Seconds:    took.Seconds(),
		Requests:   all.requests.Load(),
		Unanswered: all.unanswered.Load(),
		Codes:      map[int]int64{},
		Versions:   map[string]int64{},
	}
	var latencies []float32
	for _, one := range crowd {
		latencies = append(latencies, one.latencies...)
		for code, times := range one.codes {
			total.Codes[code] += times
		}
		for version, times := range one.versions {
			total.Versions[version] += times
		}
		if total.Problem == "" {
			total.Problem = one.problem
		}
	}
	if len(latencies) > 0 {
		slices.Sort(latencies)
		total.Latency = &latency{
			P50: percentile(latencies, 50),
			P90: percentile(latencies, 90),
			P99: percentile(latencies, 99),
			Max: latencies[len(latencies)-1],
		}
	}
	return total
}

// percentile is the smallest value that so many percent do not exceed.
func percentile(sorted []float32, percent int) float32 {
	return sorted[(len(sorted)*percent+99)/100-1]
}

// interrupted returns when the user has had enough; supervised, also when whoever started this is gone.
func interrupted(supervised bool) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	gone := make(chan struct{})
	if supervised {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			close(gone)
		}()
	}
	select {
	case <-signals:
	case <-gone:
	}
}

// everySecond calls until it is stopped, and not while or after that.
func everySecond(call func(since time.Time)) (stop func()) {
	since := time.Now()
	ticker := time.NewTicker(time.Second)
	ended := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case <-ticker.C:
				call(since)
			case <-ended:
				return
			}
		}
	})
	return func() {
		ticker.Stop()
		close(ended)
		running.Wait()
	}
}

func main() {
	users := flag.Int("users", 1, "how many ask at the same time")
	duration := flag.Duration("duration", 10*time.Second, "for how long")
	patience := flag.Duration("timeout", 30*time.Second, "how long one answer may take")
	body := flag.String("post", "", "JSON to post; without it the URL is got")
	supervised := flag.Bool("supervised", false, "end when standard input ends")
	asked := flag.Bool("version", false, "print fortio's version")
	flag.Parse()
	log.SetLogLevelQuiet(log.Critical)
	if *asked {
		fmt.Println(version.Short())
		return
	}
	err := errors.New("one URL is needed")
	if flag.NArg() == 1 && *users > 0 && *duration > 0 {
		err = run(flag.Arg(0), *body, *users, *duration, *patience, *supervised)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
