#pragma once
#include "hdf5_survey.h"

/// Writes the answer about one file to the pipe. Runs in the child alone.
void carina_survey_file(int descriptor, const carina_h5_request *request);

/// Allows the child some more seconds of processor time for the file at hand.
void carina_survey_allow_more(uint64_t seconds);
