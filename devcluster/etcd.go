package main

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/storage/wal"
)

const (
	etcdStartTimeout = 30 * time.Second

	// Linux keeps a unix socket's path in 108 bytes, one of them the terminating zero.
	maxSocketPath = 107

	// 64 MB by default, preallocated twice: too much to write for data that live for minutes.
	walSegmentBytes = 4 << 20
)

// startEtcd serves etcd on a unix socket in dir, so that it takes no port, and returns its endpoint when it is ready.
func startEtcd(dir string) (string, error) {
	if dir == "" {
		return "", errors.New("--etcd-dir is required")
	}
	socket := filepath.Join(dir, "etcd.sock")
	if len(socket) > maxSocketPath {
		return "", fmt.Errorf("the socket's path %q has %d bytes, %d are possible: choose a shorter --etcd-dir",
			socket, len(socket), maxSocketPath)
	}
	wal.SegmentSizeBytes = walSegmentBytes

	server, err := embed.StartEtcd(etcdConfig(dir, socket))
	if err != nil {
		return "", err
	}
	select {
	case <-server.Server.ReadyNotify():
		return "unix://" + socket, nil
	case err := <-server.Err():
		return "", err
	case <-time.After(etcdStartTimeout):
		return "", fmt.Errorf("not ready after %s", etcdStartTimeout)
	}
}

func etcdConfig(dir, socket string) *embed.Config {
	// A single member is never dialled under its advertised address, but etcd insists on host:port for it.
	nowhere := []url.URL{{Scheme: "http", Host: "localhost:1"}}

	config := embed.NewConfig()
	config.Dir = filepath.Join(dir, "data")
	config.LogLevel = "error"
	config.UnsafeNoFsync = true
	config.ListenClientUrls = []url.URL{{Scheme: "unix", Path: socket}}
	config.AdvertiseClientUrls = nowhere
	config.ListenPeerUrls = []url.URL{{Scheme: "unix", Path: filepath.Join(dir, "peer.sock")}}
	config.AdvertisePeerUrls = nowhere
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	return config
}
