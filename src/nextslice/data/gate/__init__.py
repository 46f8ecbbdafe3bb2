"""The gate: nothing enters that is damaged or does not fit.

What is found out about a case, and the process of its own in which files are read, so that
one made to do harm ends a helper and not the program.

label_checks.py is a label whole, on its scan's grid, and of declared values?
checks.py       what is found out about one case, and every reason to refuse it
limits.py       what reading one case may cost: memory and time
frames.py       plain values and arrays between two processes, as bytes
asking.py       what is asked of the process that reads scans, and what it answers
reader_process.py  the process that reads scans
guarded.py      that process from outside: started, limited, replaced when it ends
admission.py    one verdict per case: the way in, for whole data sets and single files
"""
