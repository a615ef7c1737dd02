"""The archive: episodes in HDF5, as ``workbench generate`` makes them and everything else reads them."""
