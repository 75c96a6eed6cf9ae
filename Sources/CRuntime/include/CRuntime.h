#pragma once
#include "digest.h"
#include "idle_threads.h"
#include "processor.h"
#include "fingerprint.h"
#include "held_team.h"
#include "nameless_file.h"
#include "thread_team.h"
