// Package scale holds scripts that move a workspace in shards, with engines that run
// many of the same command. Its tests run each of them against two servers.
package scale
