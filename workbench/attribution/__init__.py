"""Which factor breaks a policy, and where: severity ladders and the analysis of runs in which everything varies.

`planning` turns a factor set into the conditions of a ladder, `plan` holds them; `ladder` analyses what came of it.
`factorial` analyses a run in which all factors vary at once. All but `planning` is pure: numbers in, numbers out.
"""
