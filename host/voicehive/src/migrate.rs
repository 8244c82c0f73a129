//! `voicehive migrate`.

use std::process::ExitCode;

use anyhow::Context as _;
use store::native::migrate as schema;
use store::{NativeDb, Store, Timestamp};

use crate::cli::Direction;
use crate::config::Config;
use crate::platform;

/// Brings the database to a version, or prints where it is. The latest version is
/// seeded too, so that Spin has a tenant to serve.
///
/// # Errors
/// Where the database cannot be opened or is of another make.
pub async fn migrate(config: &Config, direction: &Direction) -> anyhow::Result<ExitCode> {
    platform::create_data_folder(config)?;
    let path = config.database();
    let mut connection = schema::connect(&path).with_context(|| format!("opening {}", path.display()))?;
    let changed = match direction {
        Direction::Up => {
            let applied = schema::up(&mut connection, Timestamp::now())?;
            let store =
                Store::new(NativeDb::open(&path).with_context(|| format!("opening {}", path.display()))?);
            platform::seed(&store, config).await?;
            applied
        }
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
