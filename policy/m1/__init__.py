"""InternVLA-M1: a vision-language model that is asked where things are, and a diffusion head that acts on its answer.

An implementation from published facts (arXiv 2510.13778), checked against vectors computed with the public model.
"""
