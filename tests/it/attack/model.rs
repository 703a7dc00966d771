//! Many short schedules of faults, drawn at random.
