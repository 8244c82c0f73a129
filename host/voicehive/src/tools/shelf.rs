//! Loaded versions of tenants' tools: all there are in memory, whether a call has them, somebody loads them, or nobody uses
//! them at the moment. What nobody uses stays for as long as there is room.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sandbox::{Tier, Tool};
use store::{TenantId, ToolDigest};

/// How much memory all loaded versions may take: some six hundred of compiled languages, or 28 interpreters.
const ALL: usize = 1 << 30;

/// How much those of one tenant may take, however many calls it has: seven interpreters, or one of the largest that there are.
const OF_A_TENANT: usize = ALL / 4;

/// What a version weighs at least: it is more than its code, and the shelf has only so many.
const LEAST: usize = 1 << 20;

/// The bytes, and the limits that they run under: the same bytes may have come under another tier.
pub type Which = (ToolDigest, Tier);

/// Why there is no room for a version, also where all goes that nobody uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// The tenant's share is in use.
    #[error("the tools that this account's calls use at the moment leave it no memory for this one")]
    Tenant,
    /// All of it is in use, but for what is kept free for tenants who have less.
    #[error("the tools that all calls use at the moment leave no memory for this one")]
    Host,
}

/// What can be on a shelf.
pub trait Loaded: Clone {
    /// The same for another holder, of whose copies [`Loaded::is_held_elsewhere`] tells apart.
    fn for_holder(&self) -> Self;

    /// Whether another copy of it is somewhere.
    fn is_held_elsewhere(&self) -> bool;

    /// Bytes of memory that all its copies take together.
    fn weight(&self) -> usize;
}

impl Loaded for Tool {
    fn for_holder(&self) -> Self {
        Tool::for_holder(self)
    }

    fn is_held_elsewhere(&self) -> bool {
        Tool::is_held_elsewhere(self)
    }

    fn weight(&self) -> usize {
        self.image_bytes()
    }
}

/// What is loaded. It is the same for all tenants that have the bytes, and takes its memory once; each of them who has it
/// has all of it in its share.
pub struct Shelf<T> {
    versions: BTreeMap<Which, Version<T>>,
    next_use: u64,
}

/// One version, and whose it is.
struct Version<T> {
    weight: usize,
    shares: BTreeMap<TenantId, Share<T>>,
}

/// A version as one tenant has it.
struct Share<T> {
    /// The copy that all its calls have copies of. None while it is loaded for the first time.
    loaded: Option<T>,
    /// How many load it.
    loading: usize,
    /// When it was used last; the numbers only grow.
    used: u64,
}

/// Room on a shelf for a version while it is loaded, which is given back where nothing comes of that.
pub struct Place<T: Loaded> {
    shelf: Arc<Mutex<Shelf<T>>>,
    tenant: TenantId,
    which: Which,
}

impl<T: Loaded> Place<T> {
    /// Makes room for `weight` bytes that `tenant` is about to load.
    ///
    /// # Errors
    /// Where there is none: then nothing was let go of.
    pub fn reserve(
        shelf: &Arc<Mutex<Shelf<T>>>,
        tenant: &TenantId,
        which: Which,
        weight: usize,
    ) -> Result<Self, Full> {
        lock(shelf).reserve(tenant, &which, weight)?;
        Ok(Self { shelf: shelf.clone(), tenant: tenant.clone(), which })
    }

    /// Puts there what was loaded, and returns a copy.
    ///
    /// # Errors
    /// Where it is heavier than was thought, and there is no room for so much.
    pub fn fill(self, loaded: &T) -> Result<T, Full> {
        lock(&self.shelf).put(&self.tenant, &self.which, loaded)
    }
}

impl<T: Loaded> Drop for Place<T> {
    fn drop(&mut self) {
        lock(&self.shelf).release(&self.tenant, &self.which);
    }
}

/// The shelf, for a moment: nobody loads anything meanwhile.
pub fn lock<T>(shelf: &Mutex<Shelf<T>>) -> MutexGuard<'_, Shelf<T>> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Loaded> Shelf<T> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { versions: BTreeMap::new(), next_use: 0 }
    }

    /// What is loaded already, by whomever.
    ///
    /// # Errors
    /// Where another has it, and this tenant has no room for it in its share.
    pub fn get(&mut self, tenant: &TenantId, which: &Which) -> Result<Option<T>, Full> {
        let used = self.tick();
        let Some(version) = self.versions.get_mut(which) else { return Ok(None) };
        if let Some(share) = version.shares.get_mut(tenant)
            && let Some(loaded) = &share.loaded
        {
            share.used = used;
            return Ok(Some(loaded.clone()));
        }
        let others = version.shares.values().find_map(|share| share.loaded.clone());
        let Some(others) = others else { return Ok(None) };
        self.put(tenant, which, &others).map(Some)
    }

    fn reserve(&mut self, tenant: &TenantId, which: &Which, weight: usize) -> Result<(), Full> {
        let weight = self.versions.get(which).map_or(LEAST, |version| version.weight).max(weight);
        self.make_room(tenant, which, weight)?;
        self.share(tenant, which, weight).loading += 1;
        Ok(())
    }

    fn put(&mut self, tenant: &TenantId, which: &Which, loaded: &T) -> Result<T, Full> {
        let weight = loaded.weight().max(LEAST);
        self.make_room(tenant, which, weight)?;
        let share = self.share(tenant, which, weight);
        Ok(share.loaded.get_or_insert_with(|| loaded.for_holder()).clone())
    }

    fn release(&mut self, tenant: &TenantId, which: &Which) {
        let Some(share) = self.versions.get_mut(which).and_then(|version| version.shares.get_mut(tenant))
        else {
            return;
        };
        share.loading = share.loading.saturating_sub(1);
        if share.loading == 0 && share.loaded.is_none() {
            self.remove(tenant, which);
        }
    }

    /// The tenant's share in a version of this weight, which counts as used.
    fn share(&mut self, tenant: &TenantId, which: &Which, weight: usize) -> &mut Share<T> {
        let used = self.tick();
        let new = || Version { weight, shares: BTreeMap::new() };
        let version = self.versions.entry(which.clone()).or_insert_with(new);
        version.weight = weight;
        let new = || Share { loaded: None, loading: 0, used };
        let share = version.shares.entry(tenant.clone()).or_insert_with(new);
        share.used = used;
        share
    }

    /// Lets go of what nobody uses until there is room for a version of this weight in the tenant's share. Where that would
    /// not be enough, nothing goes.
    fn make_room(&mut self, tenant: &TenantId, which: &Which, weight: usize) -> Result<(), Full> {
        self.room(tenant, (which, weight), |share| !share.is_idle())?;
        while let Err(full) = self.room(tenant, (which, weight), |_| true) {
            if !self.let_go(tenant, full) {
                return Err(full);
            }
        }
        Ok(())
    }

    /// Whether there is room for a version of this weight in the tenant's share, beside the shares that `stay`.
    ///
    /// Where memory is short, a tenant gets more only while as much as it would have then is still free. So however much a few
    /// tenants use, the next one gets some, and those who have most are refused first.
    fn room(
        &self,
        tenant: &TenantId,
        (which, weight): (&Which, usize),
        stay: impl Fn(&Share<T>) -> bool,
    ) -> Result<(), Full> {
        let (mut own, mut all, mut takes_memory) = (weight, weight, true);
        for (other, version) in &self.versions {
            let stays = version.shares.values().any(&stay);
            if other == which {
                takes_memory = !stays || version.weight < weight;
                continue;
            }
            if stays {
                all = all.saturating_add(version.weight);
            }
            if version.shares.get(tenant).is_some_and(&stay) {
                own = own.saturating_add(version.weight);
            }
        }
        if own > OF_A_TENANT {
            return Err(Full::Tenant);
        }
        if takes_memory && own.saturating_add(all) > ALL {
            return Err(Full::Host);
        }
        Ok(())
    }

    /// Lets go of what was not used for longest, of all that nobody uses: of the tenant's own, and where the memory of all is
    /// short, also of others'. Says whether there was anything.
    fn let_go(&mut self, tenant: &TenantId, full: Full) -> bool {
        let mut oldest = None;
        for (which, version) in &self.versions {
            // What another still uses stays in memory, whoever lets go of it.
            let anybodys = full == Full::Host && version.is_idle();
            for (owner, share) in &version.shares {
                if share.is_idle() && (anybodys || owner == tenant) {
                    let this = (share.used, owner, which);
                    oldest = Some(oldest.map_or(this, |oldest| this.min(oldest)));
                }
            }
        }
        let Some((_, owner, which)) = oldest else { return false };
        let (owner, which) = (owner.clone(), which.clone());
        self.remove(&owner, &which);
        true
    }

    fn remove(&mut self, tenant: &TenantId, which: &Which) {
        let Some(version) = self.versions.get_mut(which) else { return };
        version.shares.remove(tenant);
        if version.shares.is_empty() {
            self.versions.remove(which);
        }
    }

    fn tick(&mut self) -> u64 {
        self.next_use += 1;
        self.next_use
    }
}

impl<T: Loaded> Version<T> {
    /// Whether nobody uses it.
    fn is_idle(&self) -> bool {
        self.shares.values().all(Share::is_idle)
    }
}

impl<T: Loaded> Share<T> {
    /// Whether its tenant does not use it.
    fn is_idle(&self) -> bool {
        self.loading == 0 && !self.loaded.as_ref().is_some_and(T::is_held_elsewhere)
    }
}

#[cfg(test)]
mod tests;
