"""Scans on disk -> a pool of slices, and all the way back.

places.py       what belongs to a data set lies in its folder
geometry.py     where voxels lie in the patient, and whether they can
formats/        one file of voxels <-> a volume, with nothing believed that it says of itself
labels.py       label values on disk -> classes, merged where asked
cases.py        what a folder holds: DataSet, CaseFiles, Refusal
gate/           nothing enters that is damaged or does not fit
patients.py     whose scan a case is, where its id says so
descriptions.py dataset.json, read strictly
listing.py      what the list of cases itself shows to be wrong
layouts.py      MSD, nnU-Net v2, PROMISE12, paired and plain folders -> a DataSet
sides.py        how one side of a slice runs: resampled, cut or padded
preparation.py  normalise, slice, resample, fit to size; and all the way back
native.py       one slice between the grid of its file and the pool's
scans.py        the scans as they are on disk, for people to look at
prepared.py     the slices of a data set and where each case lies in them
building.py     scans -> prepared slices, case after case
cache.py        prepared slices on disk: built once, then memory-mapped
opening.py      a folder -> its prepared slices, or the cases in the way
arrays.py       slices in memory in the same form
slices.py       SliceId, and slices that stay on disk until somebody asks for them
pool.py         SlicePool: all slices of a data set, split by case
anatomy.py      the organ, the body and the scanners of a synthetic patient
phantom.py      synthetic anatomy written as real NIfTI
download.py     public data sets for people who are online
archives.py     unpacking what was downloaded, without trusting it
"""
