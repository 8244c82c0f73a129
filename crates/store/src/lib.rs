//! The records of the platform and the SQL behind them, over one small database trait.
