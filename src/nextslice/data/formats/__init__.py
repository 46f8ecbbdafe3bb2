"""One file of voxels <-> a volume, with nothing believed that the file says of itself.

streams.py      a file's bytes, unpacked and held against their checksum
nifti_header.py what a NIfTI header promises, believed in nothing
placement.py    where a header in text puts them: once, in finite numbers
payload.py      where the voxels of a scan lie, by its header
integrity.py    is a file of voxels whole? asked before anything trusts it
readers.py      NIfTI, MetaImage, NRRD <-> Volume (voxels + Geometry)
nifti.py        NIfTI with headers of our own, that tell nothing of a patient
"""
