"""Scans on disk -> a pool of slices, and all the way back.

places.py       what belongs to a data set lies in its folder
streams.py      a file's bytes, unpacked and held against their checksum
geometry.py     where voxels lie in the patient, and whether they can
nifti_header.py what a NIfTI header promises, believed in nothing
payload.py      where the voxels of a scan lie, by its header
integrity.py    is a file of voxels whole? asked before anything trusts it
readers.py      NIfTI, MetaImage, NRRD <-> Volume (voxels + Geometry)
nifti.py        NIfTI with headers of our own, that tell nothing of a patient
labels.py       label values on disk -> classes, merged where asked
cases.py        what a folder holds: DataSet, CaseFiles, Refusal
patients.py     whose scan a case is, where its id says so
descriptions.py dataset.json, read strictly
listing.py      what the list of cases itself shows to be wrong
layouts.py      MSD, nnU-Net v2, PROMISE12, paired and plain folders -> a DataSet
label_checks.py is a label whole, on its scan's grid, and of declared values?
checks.py       what is found out about one case, and every reason to refuse it
limits.py       what reading one case may cost: memory and time
frames.py       plain values and arrays between two processes, as bytes
asking.py       what is asked of the process that reads scans, and what it answers
reader_process.py  the process that reads scans
guarded.py      that process from outside: started, limited, replaced when it ends
gate.py         one verdict per case, and nothing damaged enters
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
