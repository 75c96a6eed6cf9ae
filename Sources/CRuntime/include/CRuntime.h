#pragma once
#include "digest.h"
#include "thread_team.h"
