// Asks restic which snapshots its policies keep. Built inside restic's module, whose packages are internal: see restic.ts.
// A line of input is a case, a line of output the rules that keep each of its snapshots, newest first.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/restic/restic/internal/restic"
)

type history struct {
	Zone string
	// Last, hourly, daily, weekly, monthly, yearly; then hours: within, and within by hour, day, week, month, year.
	Policy [12]int
	// Seconds since 1970.
	Times []int64
}

// In the policy's order. Reasons that name a duration begin with these words; the oldest one of a rule is called so.
var rules = [12]string{
	"last snapshot", "hourly snapshot", "daily snapshot", "weekly snapshot", "monthly snapshot", "yearly snapshot",
	"within ", "hourly within ", "daily within ", "weekly within ", "monthly within ", "yearly within ",
}

func main() {
	in := json.NewDecoder(bufio.NewReader(os.Stdin))
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.More() {
		var h history
		if err := in.Decode(&h); err != nil {
			panic(err)
		}
		fmt.Fprintln(out, decide(h))
	}
}

// Three hexadecimal digits for each snapshot: a bit for each rule that keeps it.
func decide(h history) string {
	zone, err := time.LoadLocation(h.Zone)
	if err != nil {
		panic(err)
	}
	var list restic.Snapshots
	for _, at := range h.Times {
		list = append(list, &restic.Snapshot{Time: time.Unix(at, 0).In(zone)})
	}
	hours := func(n int) restic.Duration { return restic.Duration{Hours: n} }
	p := h.Policy
	_, _, reasons := restic.ApplyPolicy(list, restic.ExpirePolicy{
		Last: p[0], Hourly: p[1], Daily: p[2], Weekly: p[3], Monthly: p[4], Yearly: p[5],
		Within: hours(p[6]), WithinHourly: hours(p[7]), WithinDaily: hours(p[8]), WithinWeekly: hours(p[9]), WithinMonthly: hours(p[10]), WithinYearly: hours(p[11]),
	})
	kept := map[*restic.Snapshot][]string{}
	for _, reason := range reasons {
		kept[reason.Snapshot] = reason.Matches
	}
	var masks strings.Builder
	for _, snapshot := range list {
		mask := 0
		for _, match := range kept[snapshot] {
			mask |= 1 << bit(match)
		}
		fmt.Fprintf(&masks, "%03x", mask)
	}
	return masks.String()
}

func bit(match string) int {
	for i, rule := range rules {
		if strings.HasPrefix(strings.TrimPrefix(match, "oldest "), rule) {
			return i
		}
	}
	panic("unknown reason: " + match)
}
