//! What the threads that use a depot count, each for itself.

use super::depot::Depot;
use crate::stats::Collector;
#[cfg(feature = "stats")]
use crate::stats::{Metric, Snapshot};

impl Depot {
    /// Has `f` count something for the calling thread, or for all that have no cache.
    pub(crate) fn count<R>(&self, f: impl FnOnce(&Collector) -> R) -> R {
        if let Some(cache) = self.cache() {
            // SAFETY: in the table, which is this thread's.
            let cache = unsafe { cache.as_ref() };
            if cache.enter_slow() {
                let result = f(cache.stats());
                cache.leave();
                return result;
            }
        }
        f(&self.registry.lock().others)
    }

    /// Has `f` look at what each thread counted.
    #[cfg(feature = "stats")]
    pub(crate) fn counted(&self, mut f: impl FnMut(&Collector)) {
        let listed = self.registry.lock();
        f(&listed.others);
        for cache in listed.caches() {
            Self::with_owner_out(cache, || f(cache.stats()));
        }
    }

    /// What of `total`, all that was ever counted, was counted since counting began anew; with the most that were
    /// seen in use since then.
    #[cfg(feature = "stats")]
    pub(crate) fn since_restart(&self, total: Snapshot) -> Snapshot {
        let mut listed = self.registry.lock();
        listed.peak = listed.peak.max(total.get(Metric::InUse));
        let since = total.since(&listed.before);
        since.with(Metric::PeakInUse, listed.peak)
    }

    /// Counting begins anew after `total`. The threads go on counting where they are, undisturbed.
    #[cfg(feature = "stats")]
    pub(crate) fn restart_stats(&self, total: Snapshot) {
        let mut listed = self.registry.lock();
        listed.peak = total.get(Metric::InUse);
        listed.before = total;
    }
}
