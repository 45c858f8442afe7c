package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"
)

// metric is a file with the value of the external metric, whatever its name; there are no others.
type metric string

var errNone = errors.New("there is no such metric here")

func (file metric) GetExternalMetric(string, string, labels.Selector) ([]int64, time.Time, error) {
	text, err := os.ReadFile(string(file))
	if err != nil {
		return nil, time.Time{}, err
	}
	value, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("%s: %w", file, err)
	}
	const milli = 1000
	return []int64{milli * value}, time.Now(), nil
}

func (metric) GetResourceMetric(
	context.Context, core.ResourceName, string, labels.Selector, string,
) (metrics.PodMetricsInfo, time.Time, error) {
	return nil, time.Time{}, errNone
}

func (metric) GetRawMetric(
	string, string, labels.Selector, labels.Selector,
) (metrics.PodMetricsInfo, time.Time, error) {
	return nil, time.Time{}, errNone
}

func (metric) GetObjectMetric(
	string, string, *autoscaling.CrossVersionObjectReference, labels.Selector,
) (int64, time.Time, error) {
	return 0, time.Time{}, errNone
}
