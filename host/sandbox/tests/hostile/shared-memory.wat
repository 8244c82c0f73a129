;; Shares its memory between threads.
;; ends: feature-off
(component (core module (memory 1 1 shared)))
