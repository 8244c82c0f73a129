;; Passes a stream, which the host would have to pump.
;; ends: feature-off
(component (type (stream u8)))
