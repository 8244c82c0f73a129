//! The cache over folders of its own.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::*;

#[test]
fn the_second_load_comes_from_the_cache() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, cache) = (Engine::default(), Cache::open(&directory.path().join("cache")));

    assert_eq!(load(&cache, &engine), Found::Compiled);
    assert_eq!(load(&cache, &engine), Found::Cached);
}

#[test]
fn a_new_directory_is_for_this_user_only() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b");

    Cache::open(&path);

    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_damaged_entry_is_compiled_again_and_replaced() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 5] = [
        ("flipped bit", |content| *content.last_mut().unwrap() ^= 1),
        ("truncated", |content| content.truncate(content.len() / 2)),
        ("shorter than its header", |content| content.truncate(12)),
        ("empty", Vec::clear),
        ("another layout", |content| content[0] = b'x'),
    ];
    for (name, damage) in damages {
        let directory = tempfile::tempdir().unwrap();
        let (engine, cache) = (Engine::default(), Cache::open(directory.path()));
        load(&cache, &engine);
        let entry = only_entry(directory.path());
        let mut content = fs::read(&entry).unwrap();
        damage(&mut content);
        fs::write(&entry, content).unwrap();

        assert_eq!(load(&cache, &engine), Found::Compiled, "{name}");
        assert_eq!(load(&cache, &engine), Found::Cached, "{name}");
    }
}

#[test]
fn a_well_formed_entry_that_is_no_compiled_component_is_compiled_again() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, cache) = (Engine::default(), Cache::open(directory.path()));
    load(&cache, &engine);
    let entry = only_entry(directory.path());
    fs::remove_file(&entry).unwrap();
    store_entry(&entry, b"not an ELF file").unwrap();

    assert_eq!(load(&cache, &engine), Found::Compiled);
}

#[test]
fn engines_with_other_settings_do_not_share_entries() {
    let directory = tempfile::tempdir().unwrap();
    let cache = Cache::open(directory.path());
    let mut config = wasmtime::Config::new();
    config.epoch_interruption(true);
    let other = Engine::new(&config).unwrap();

    assert_eq!(load(&cache, &Engine::default()), Found::Compiled);
    assert_eq!(load(&cache, &other), Found::Compiled);
    assert_eq!(load(&cache, &other), Found::Cached);
}

#[test]
fn an_entry_that_others_could_have_written_is_not_used() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 2] = [
        ("writable by others", |entry| {
            fs::set_permissions(entry, fs::Permissions::from_mode(0o622)).unwrap();
        }),
        ("a link", |entry| {
            let elsewhere = entry.with_extension("elsewhere");
            fs::rename(entry, &elsewhere).unwrap();
            std::os::unix::fs::symlink(&elsewhere, entry).unwrap();
        }),
    ];
    for (name, change) in changes {
        let directory = tempfile::tempdir().unwrap();
        let (engine, cache) = (Engine::default(), Cache::open(directory.path()));
        load(&cache, &engine);
        change(&only_entry(directory.path()));

        assert_eq!(load(&cache, &engine), Found::Compiled, "{name}");
        assert_eq!(load(&cache, &engine), Found::Cached, "{name}");
    }
}

#[test]
fn what_another_engine_compiled_is_neither_run_nor_kept() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, cache) = (Engine::default(), Cache::open(directory.path()));
    let mut config = wasmtime::Config::new();
    config.epoch_interruption(true);
    let other = Engine::new(&config).unwrap();

    let loaded = cache.load_with(&engine, &wasm(), || other.precompile_component(&wasm()));

    assert!(loaded.is_err());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    assert_ne!(compatibility(&engine), compatibility(&other));
    assert_eq!(compatibility(&engine), compatibility(&Engine::default()));
}

#[test]
fn a_component_is_forgotten_by_its_digest() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, cache) = (Engine::default(), Cache::open(directory.path()));
    load(&cache, &engine);

    cache.forget(&hex(&Sha256::digest(b"another")));
    assert_eq!(load(&cache, &engine), Found::Cached);
    cache.forget(&hex(&Sha256::digest(wasm())));
    assert_eq!(load(&cache, &engine), Found::Compiled);
}

#[test]
fn a_component_is_weighed_by_its_digest() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, cache) = (Engine::default(), Cache::open(directory.path()));
    let digest = hex(&Sha256::digest(wasm()));
    assert_eq!(cache.artefact_bytes(&engine, &digest), None);
    load(&cache, &engine);
    let expected = engine.precompile_component(&wasm()).unwrap().len();
    assert_eq!(cache.artefact_bytes(&engine, &digest), Some(expected));
    assert_eq!(Cache::none().artefact_bytes(&engine, &digest), None);
}

#[test]
fn what_was_loaded_last_stays_where_there_is_no_room() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, cache) = (Engine::default(), Cache::open(directory.path()));
    let length = store_two(&cache, &engine);
    assert_eq!(cache.load(&engine, &numbered(1)).unwrap().1, Found::Cached);

    cache.clone().with_room(length * 5 / 2).load(&engine, &numbered(3)).unwrap();

    assert_eq!(kept(&cache, &engine), [true, false, true]);
}

#[test]
fn what_is_in_use_without_being_loaded_again_stays_where_there_is_no_room() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, cache) = (Engine::default(), Cache::open(directory.path()));
    let length = store_two(&cache, &engine);
    cache.note_use(&engine, &hex(&Sha256::digest(numbered(1))), second(3)).unwrap();

    cache.clone().with_room(length * 5 / 2).load(&engine, &numbered(3)).unwrap();

    assert_eq!(kept(&cache, &engine), [true, false, true]);
}

#[test]
fn of_what_is_not_kept_no_use_is_noted() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::default();
    for cache in [Cache::open(directory.path()), Cache::none()] {
        cache.note_use(&engine, &hex(&Sha256::digest(wasm())), second(1)).unwrap();
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn what_is_pinned_stays_however_little_room_there_is() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, cache) = (Engine::default(), Cache::open(directory.path()).with_room(1));
    let clone = cache.clone();
    cache.pin(&engine, &numbered(1));

    for number in [1, 2, 3] {
        clone.load(&engine, &numbered(number)).unwrap();
    }

    assert_eq!(kept(&cache, &engine), [true, false, true]);
    cache.forget(&hex(&Sha256::digest(numbered(1))));
    assert_eq!(kept(&cache, &engine), [false, false, true]);
}

#[test]
fn a_directory_that_others_can_write_to_is_not_used() {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let (engine, cache) = (Engine::default(), Cache::open(directory.path()));

    assert_eq!(load(&cache, &engine), Found::Compiled);
    assert_eq!(load(&cache, &engine), Found::Compiled);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

fn wasm() -> Vec<u8> {
    wat::parse_str("(component (core module (func (export \"f\"))))").unwrap()
}

fn load(cache: &Cache, engine: &Engine) -> Found {
    cache.load(engine, &wasm()).unwrap().1
}

fn only_entry(directory: &Path) -> PathBuf {
    let mut entries = fs::read_dir(directory).unwrap();
    let entry = entries.next().unwrap().unwrap().path();
    assert!(entries.next().is_none());
    entry
}

fn numbered(number: u8) -> Vec<u8> {
    wat::parse_str(format!("(component (core module (func (export \"f{number}\"))))")).unwrap()
}

/// Keeps two components, used at seconds 1 and 2, and says how many bytes one takes.
fn store_two(cache: &Cache, engine: &Engine) -> u64 {
    for number in [1, 2] {
        assert_eq!(cache.load(engine, &numbered(number)).unwrap().1, Found::Compiled);
        room::note_use(&cache.path(engine, &numbered(number)).unwrap(), second(number.into())).unwrap();
    }
    fs::metadata(cache.path(engine, &numbered(1)).unwrap()).unwrap().len()
}

/// Which of three components are there.
fn kept(cache: &Cache, engine: &Engine) -> [bool; 3] {
    [1, 2, 3].map(|number| cache.path(engine, &numbered(number)).unwrap().exists())
}

fn second(second: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(second)
}
