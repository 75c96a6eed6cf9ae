#pragma once

/// libgomp's idle threads spin for milliseconds by default, which on a busy machine slows a run tenfold, and it reads
/// the setting before `main`. This starts the program again with a short spin; it returns where the user has set a
/// policy, in the restarted program, or when starting again fails.
void carina_shorten_idle_spin(char **arguments);
