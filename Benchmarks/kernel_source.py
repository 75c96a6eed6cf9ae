"""The source of a file of kernels as the backend compiles it: see KernelSources.swift."""
import os
import re

KERNELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Sources", "CarinaCUDA", "Kernels")


def whole(name):
    with open(os.path.join(KERNELS, name)) as file:
        return re.sub(r'^#include "(.*)"\n', lambda line: whole(line.group(1)), file.read(), flags=re.M)


def kernel_source(file):
    return whole("prelude.cuh") + whole(f"{file}.cu")
