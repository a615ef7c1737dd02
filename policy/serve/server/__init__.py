"""A policy of the bench as a server, in any of the dialects.

`contract` is what the server says of its policy; `dialects` read requests and write answers, without input or output;
`sessions` keep episodes apart; `batcher` runs the policy in a thread of its own, for many clients at once; `websocket`
and `zeromq` are the transports. numpy alone: `policy.served_policy` is where torch begins.
"""
