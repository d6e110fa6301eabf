package notify

// Counts are how often a channel was used since the start.
type Counts struct {
	Channel Channel
	// Sent are messages that somebody got, Failed are tries of those that
	// nobody has got.
	Sent, Failed int
	// Lost are events that were given up and that nobody got.
	Lost int
}

// Counts lists the channels that are in use.
func (n *Notifier) Counts() []Counts {
	var all []Counts
	for _, c := range n.channels {
		if counts, used := c.counted(); used {
			all = append(all, counts)
		}
	}
	return all
}

func (c *channel) counted() (counts Counts, used bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts = c.counts
	counts.Channel = c.kind
	return counts, c.settings.sender != nil
}
