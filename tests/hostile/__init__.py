"""Files that are broken or made to do harm, each with what should be said of it.

making.py     what they are made with
scans.py      streams, headers, voxels and labels
geometries.py scans that lie nowhere, in two places, or on no grid
paths.py      names and paths that lead elsewhere, lists and descriptions
archives.py   archives

Each is made afresh by the test that needs it, so that no harmful file lies about.
"""
