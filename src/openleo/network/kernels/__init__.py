"""The numba kernels: plain functions on arrays, shapes in their docstrings.

They hold no state, touch nothing outside their arguments and release the interpreter's lock, so that slots or blocks
of cells can run on as many threads as there are, with the same result on any number of them.
"""

# What LLVM may take for granted of sums in inner loops: all of `fast` but that nothing is infinite.
VECTORISED = {"nnan", "nsz", "arcp", "contract", "afn", "reassoc"}
