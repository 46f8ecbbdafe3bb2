"""A fuzzer over everything that reads foreign files: `make fuzz`, or `python -m tests.fuzz`.

targets.py   what is fed with bytes, and what must hold whatever they are
seeds.py     sound files to begin with
"""
