"""A Huawei Cloud DDM and IAM service in one process, for tests, demonstrations and benchmarks.

`cloud.Cloud` is the whole of it without sockets: requests in, answers out, time from an injected clock. `server` puts
it on a port, and `client` steers it while it runs.
"""
