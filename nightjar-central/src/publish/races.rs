//! Two programs that publish in one store, in every order that chance makes of their steps.
//!
//! The mesh is a clock: what is discovered of it says when it was discovered. Every read, fetch and
//! commit takes effect at one moment, and is answered at a later one.

use super::{
    Action, DiscoveredMap, Event, Phase, State, StoredMap, step,
    tests::{because, discovered, found},
};
use nightjar_core::daemon::Now;
use proptest::prelude::*;
use std::sync::Arc;

/// Something that happens.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// The mesh changes.
    Change,
    /// One of the two begins a refresh; or what it waits for takes effect, or is answered.
    Step(usize, Fault),
    /// One of them is killed in the middle of whatever it does, and starts anew.
    Restart(usize),
}

/// What goes wrong with what takes effect just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// It does not take effect, and is reported as failed.
    Fails,
    /// A commit takes effect, and is reported as failed.
    Lost,
    /// A commit takes effect, its answer is lost, and it is tried again.
    Repeated,
}

/// What the store holds: the time of a map, which is its version too.
struct World {
    mesh: u32,
    store: u32,
    /// How often a commit came too late.
    conflicts: u32,
}

struct Central {
    state: State,
    next: Action,
    /// The answer to what it waits for, once that has taken effect.
    answer: Option<Event>,
    /// The time of the map that discovery gave last.
    discovered: Option<u32>,
}

impl Central {
    fn new() -> Self {
        Self {
            state: State::default(),
            next: Action::None,
            answer: None,
            discovered: None,
        }
    }

    fn handle(&mut self, event: Event) {
        let (state, effects) = step(std::mem::take(&mut self.state), event, Now::read());
        (self.state, self.next) = (state, effects.next);
    }

    fn is_resting(&self) -> bool {
        matches!(self.next, Action::Wait(_) | Action::None)
    }

    /// Its next moment.
    fn step(&mut self, world: &mut World, fault: Fault) {
        if let Some(answer) = self.answer.take() {
            self.handle(answer);
        } else if self.is_resting() {
            self.handle(Event::Interval);
        } else {
            self.answer = Some(self.effect(world, fault));
        }
    }

    /// Whether it can do without reading the store: it knows a version to replace, or that another
    /// was first.
    fn may_fail_to_read(&self) -> bool {
        let is_committed = matches!(self.state.stored(), StoredMap::Committed(_));
        matches!(self.state.phase(), Phase::Comparing(_)) && !is_committed
    }

    /// What it waits for takes effect.
    fn effect(&mut self, world: &mut World, fault: Fault) -> Event {
        match self.next.clone() {
            Action::FetchStored if fault == Fault::Fails && self.may_fail_to_read() => {
                Event::StoreFetchFailed(because())
            }
            Action::FetchStored => found(&map_of(world.store)),
            Action::Discover { .. } if fault == Fault::Fails => Event::DiscoveryFailed(because()),
            Action::Discover { .. } if self.discovered == Some(world.mesh) => Event::MapUnchanged,
            Action::Discover { .. } => {
                self.discovered = Some(world.mesh);
                Event::Discovered(map_of(world.mesh))
            }
            Action::Commit { .. } if fault == Fault::Fails => Event::CommitFailed(because()),
            Action::Commit { map, previous } => {
                let done = world.commit(&map, previous.as_deref());
                match fault {
                    Fault::Lost => Event::CommitFailed(because()),
                    Fault::None | Fault::Fails if done => Event::Committed,
                    Fault::None | Fault::Fails | Fault::Repeated => Event::CommitConflict,
                }
            }
            Action::Wait(_) | Action::Exit(_) | Action::None => {
                unreachable!("it waits for nothing")
            }
        }
    }
}

impl World {
    fn commit(&mut self, map: &DiscoveredMap, previous: Option<&str>) -> bool {
        let time: u32 = map.version.parse().unwrap();
        let previous = previous.expect("a version to replace is always known");
        if previous != self.store.to_string() {
            self.conflicts += 1;
            return false;
        }
        assert!(time >= self.store, "{time} replaces {}", self.store);
        self.store = time;
        true
    }
}

fn map_of(time: u32) -> Arc<DiscoveredMap> {
    discovered(&time.to_string())
}

fn moment() -> impl Strategy<Value = Moment> {
    let fault = prop_oneof![
        8 => Just(Fault::None),
        1 => Just(Fault::Fails),
        1 => Just(Fault::Lost),
        1 => Just(Fault::Repeated),
    ];
    prop_oneof![
        3 => Just(Moment::Change),
        20 => (0..2_usize, fault).prop_map(|(central, fault)| Moment::Step(central, fault)),
        1 => (0..2_usize).prop_map(Moment::Restart),
    ]
}

/// Plays these moments, in which no older map ever replaces a newer one.
fn play(moments: &[Moment]) -> (World, [Central; 2]) {
    let mut world = World {
        mesh: 1,
        store: 0,
        conflicts: 0,
    };
    let mut centrals = [Central::new(), Central::new()];
    for moment in moments {
        match *moment {
            Moment::Change => world.mesh += 1,
            Moment::Step(central, fault) => centrals[central].step(&mut world, fault),
            Moment::Restart(central) => centrals[central] = Central::new(),
        }
    }
    (world, centrals)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// One of them dies for good at any moment, between look and commit too. What it has sent may
    /// take effect later. The other sees to it that the store holds the newest map.
    #[test]
    fn an_older_map_never_stays(
        moments in proptest::collection::vec(moment(), 0..120),
        late in 0..40_usize,
    ) {
        let (mut world, [mut dying, mut living]) = play(&moments);
        let mut is_sent = dying.answer.is_none() && matches!(dying.next, Action::Commit { .. });
        // A refresh that has begun may have seen the mesh before; the one after it has not.
        let mut refreshes = 0;
        for moment in 0.. {
            if is_sent && moment == late {
                let _ = dying.effect(&mut world, Fault::None);
                is_sent = false;
            }
            living.step(&mut world, Fault::None);
            refreshes += u32::from(living.is_resting());
            if refreshes >= 3 && !is_sent {
                break;
            }
        }
        prop_assert_eq!(world.store, world.mesh);
        prop_assert!(!living.state.is_pending());
    }
}

/// The races above are worth nothing if nobody ever comes too late.
#[test]
fn who_looks_first_and_commits_last_replaces_nothing() {
    let step = |central| Moment::Step(central, Fault::None);
    // Each: begin, look, its answer, discover, its answer, compare, its answer.
    let ready = |central| vec![step(central); 7];
    let mut moments = ready(0);
    moments.push(Moment::Change);
    moments.extend(ready(1));
    moments.extend([step(1), step(1), step(0), step(0)]);
    let (world, centrals) = play(&moments);
    assert_eq!((world.store, world.conflicts), (2, 1));
    assert_eq!(centrals[0].next, Action::FetchStored);
    // It reads the store, finds the newer map, discovers that too, and leaves it.
    moments.extend([step(0); 4]);
    let (world, centrals) = play(&moments);
    assert!(centrals[0].is_resting());
    assert_eq!((world.store, centrals[0].state.commits().done), (2, 0));
}
