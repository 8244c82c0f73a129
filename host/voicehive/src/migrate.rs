//! `voicehive migrate`.

use std::process::ExitCode;

use anyhow::Context as _;
use store::Timestamp;
use store::native::migrate as schema;

use crate::cli::Direction;
use crate::config::Config;

/// Brings the database to a version, or prints where it is.
///
/// # Errors
/// Where the database cannot be opened or is of another make.
pub fn migrate(config: &Config, direction: &Direction) -> anyhow::Result<ExitCode> {
    std::fs::create_dir_all(&config.data).with_context(|| format!("creating {}", config.data.display()))?;
    let path = config.database();
    let mut connection = schema::connect(&path).with_context(|| format!("opening {}", path.display()))?;
    let changed = match direction {
        Direction::Up => schema::up(&mut connection, Timestamp::now())?,
        Direction::Down { version } => schema::down(&mut connection, *version)?,
        Direction::Status => {
            for migration in schema::status(&mut connection)? {
                let state = if migration.applied_at.is_some() { "applied" } else { "pending" };
                println!("{:04}  {state}  {}", migration.version, migration.name);
            }
            return Ok(ExitCode::SUCCESS);
        }
    };
    for version in changed {
        println!("{version:04}");
    }
    Ok(ExitCode::SUCCESS)
}
