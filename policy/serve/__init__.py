"""The protocols that policy servers speak, as codecs: bytes to checked messages, and back.

One module a dialect: `openpi`, `roboarena`, `dreamzero`, `internvla_m1`, `starvla`, `gr00t` (three versions) and
`vla_eval`. They do no input or output: what a socket delivers is `bytes`, what it is to send is `bytes`.

All but LeRobot's are msgpack with arrays written as marked maps, and no two projects mark them alike. A decoder of
the wrong kind does not fail, it hands on a map: here, another dialect's mark is an error. The packages that these
protocols come from cannot be used: they pin numpy < 2, build arrays of objects from the wire, or unpickle. LeRobot's
protocol is pickle and is not spoken.

Whatever arrives gives a message or a `ProtocolError` that names the field, in memory bounded by `Limits`.
"""
