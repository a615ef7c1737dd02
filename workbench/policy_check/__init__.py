"""What `workbench policy check` makes of a policy's answers: scripted situations, tests, verdicts. Pure numpy.

A policy is asked in *situations* whose right answer is known by construction (`situations`), in several scenes at once,
by whoever can show it these (`answers.Asker`). Tests on paired scenes (`signed_rank`) tell by channel whether its
answers are consistent with what task and mapping say, contradict it, or cannot be told (`verdict`). `examine` says in
which order.
"""
