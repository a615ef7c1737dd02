"""Policies behind servers, as a client asks them; numpy alone, so that a robot computer can use it.

`address` reads ``openpi://host:port``; `dialects` has one speaker a dialect; `pool` keeps connections, bounds how long
anything takes and asks again what a broken connection swallowed; `actor` is what a policy is made of.
"""
