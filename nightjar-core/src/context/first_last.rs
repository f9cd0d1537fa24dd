//! First and last items of the context's lists.

use crate::document::proxy_input::{
    Cluster, CorsOrigin, Endpoint, Filter, HashPolicy, HeaderToRemove, HeaderToSet, Listener,
    RetryStatus, Route, WeightedCluster,
};

/// An item of one of the context's lists.
pub(super) trait Item {
    fn set_flags(&mut self, is_first: bool, is_last: bool);
}

macro_rules! items {
    ($($item:ty),*) => {$(
        impl Item for $item {
            fn set_flags(&mut self, is_first: bool, is_last: bool) {
                (self.is_first, self.is_last) = (is_first, is_last);
            }
        }
    )*};
}

items!(
    Listener,
    Route,
    HashPolicy,
    HeaderToSet,
    HeaderToRemove,
    CorsOrigin,
    RetryStatus,
    Filter,
    WeightedCluster,
    Cluster,
    Endpoint
);

/// Tells each item of a list whether it is the first and whether it is the last.
pub(super) fn mark_first_and_last(items: &mut [impl Item]) {
    let last = items.len().saturating_sub(1);
    for (position, item) in items.iter_mut().enumerate() {
        item.set_flags(position == 0, position == last);
    }
}
