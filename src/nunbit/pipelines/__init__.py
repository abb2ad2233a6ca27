"""The runs that join all stages: training (`spine`) and evaluating again (`reevaluate`)."""
