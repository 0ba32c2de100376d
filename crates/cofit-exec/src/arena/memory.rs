//! Bytes and their tags.

use cofit_stream::{Network, Schedule, StageId, Storage, ValueId};
use cranelift_entity::SecondaryMap;

use super::part::{Part, Run};

/// What freed and promised bytes are set to. Tags and not this value decide whether a byte is there;
/// it makes sure that a kernel that is fed with such bytes all the same computes something else.
const POISON: u8 = 0xa5;

/// What owns bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Value(ValueId),
    /// The sums of a stage.
    Sums(StageId),
}

/// What a byte of memory is to its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// It was written and may be read.
    There,
    /// It is room for a result that the running piece may write at any time.
    Promised,
    /// It was read for the last time.
    Freed,
}

/// A byte that was read and is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Loss {
    /// Who owns the byte.
    pub owner: Owner,
    /// Its number among the bytes of the owner.
    pub byte: u64,
    /// Where it should be; `None` where it has no place.
    pub address: Option<u64>,
    /// Whose byte lies there, its number and condition; `None` where nothing was written.
    pub found: Option<(Owner, u64, Condition)>,
}

/// A tag: a byte's number among those of all owners, and its condition in the two upper bits.
type Tag = u64;

const NOTHING: Tag = u64::MAX;
const PROMISED: Tag = 1 << 62;
const FREED: Tag = 1 << 63;
const NUMBER: Tag = PROMISED - 1;

/// One stretch of memory.
struct Memory {
    bytes: Vec<u8>,
    tags: Vec<Tag>,
}

impl Memory {
    fn new(length: usize) -> Self {
        Self { bytes: vec![POISON; length], tags: vec![NOTHING; length] }
    }
}

/// Where the bytes of an owner lie.
#[derive(Clone, Copy)]
struct Room {
    memory: usize,
    start: u64,
    /// At least 1.
    capacity: u64,
}

/// The arena, and beside it the room of every value that lies outside.
pub(super) struct Memories {
    /// The arena is the first.
    memories: Vec<Memory>,
    /// The first number of every owner, in ascending order.
    owners: Vec<(Tag, Owner)>,
    values: SecondaryMap<ValueId, (Tag, Option<Room>)>,
    sums: SecondaryMap<StageId, (Tag, Option<Room>)>,
    /// The end of the highest byte of the arena that was written.
    pub highest: u64,
}

impl Memories {
    /// Memory for a schedule; `sum_bytes` are those of the sums of a stage. `None` where the bytes
    /// exceed `limit` together with their tags, or cannot be counted.
    pub fn new(
        network: &Network,
        schedule: &Schedule,
        sum_bytes: impl Fn(StageId) -> u64,
        limit: u64,
    ) -> Option<Self> {
        let outside = network.values.iter().filter_map(|(value, it)| {
            (schedule.values[value] == Storage::Outside).then_some(it.bytes())
        });
        let needed = outside.fold(schedule.arena.get(), u64::saturating_add);
        if needed.checked_mul(1 + size_of::<Tag>() as u64)? > limit {
            return None;
        }
        let arena = schedule.arena.get();
        let mut memories = vec![Memory::new(usize::try_from(arena).ok()?)];
        let mut room = |storage: Storage, bytes: u64| match storage {
            Storage::Arena { start, capacity } if capacity > 0 => {
                Some(Room { memory: 0, start: start.checked_rem(arena)?, capacity })
            }
            Storage::Outside if bytes > 0 => {
                memories.push(Memory::new(usize::try_from(bytes).ok()?));
                Some(Room { memory: memories.len() - 1, start: 0, capacity: bytes })
            }
            Storage::Arena { .. } | Storage::Outside | Storage::Nowhere => None,
        };
        let mut owners = Vec::new();
        let mut next: Tag = 0;
        let mut number = |owner: Owner, bytes: u64| {
            let first = next;
            owners.push((first, owner));
            next = next.checked_add(bytes).filter(|&next| next <= NUMBER)?;
            Some(first)
        };
        let mut values = SecondaryMap::new();
        for (value, it) in &network.values {
            let bytes = it.bytes();
            let first = number(Owner::Value(value), bytes)?;
            values[value] = (first, room(schedule.values[value], bytes));
        }
        let mut sums = SecondaryMap::new();
        for stage in network.stages.keys() {
            let bytes = sum_bytes(stage);
            if bytes > 0 {
                let first = number(Owner::Sums(stage), bytes)?;
                sums[stage] = (first, room(schedule.sums[stage], bytes));
            }
        }
        Some(Self { memories, owners, values, sums, highest: 0 })
    }

    /// The first number of an owner's bytes, and where they lie.
    fn place(&self, owner: Owner) -> (Tag, Option<Room>) {
        match owner {
            Owner::Value(value) => self.values[value],
            Owner::Sums(stage) => self.sums[stage],
        }
    }

    /// Whether a value has a place.
    pub fn has_place(&self, value: ValueId) -> bool {
        self.values[value].1.is_some()
    }

    /// Appends the bytes of a run to `to`.
    pub fn read(&self, owner: Owner, run: Run, to: &mut Vec<u8>) -> Result<(), Loss> {
        let (first, room) = self.place(owner);
        let Some(room) = room else {
            return Err(Loss { owner, byte: run.byte, address: None, found: None });
        };
        let memory = &self.memories[room.memory];
        for piece in pieces(room, run, memory.bytes.len()) {
            let tags = &memory.tags[piece.address..][..piece.length];
            let expected = first + run.byte + piece.done;
            let is_other = |(at, &tag): (usize, &Tag)| tag != expected + at as u64;
            if let Some(at) = tags.iter().enumerate().position(is_other) {
                return Err(Loss {
                    owner,
                    byte: run.byte + piece.done + at as u64,
                    address: Some((piece.address + at) as u64),
                    found: self.decode(tags[at]),
                });
            }
            to.extend_from_slice(&memory.bytes[piece.address..][..piece.length]);
        }
        Ok(())
    }

    /// Writes the bytes of a run. Owners without a place lose them.
    pub fn write(&mut self, owner: Owner, run: Run, from: &[u8]) {
        self.touch(owner, run, 0, |bytes, piece| {
            bytes.copy_from_slice(&from[piece.done as usize..][..bytes.len()]);
        });
    }

    /// Poisons the room of a run that a piece is going to write.
    pub fn promise(&mut self, owner: Owner, run: Run) {
        self.touch(owner, run, PROMISED, |bytes, _| bytes.fill(POISON));
    }

    fn touch(
        &mut self,
        owner: Owner,
        run: Run,
        condition: Tag,
        mut put: impl FnMut(&mut [u8], &Stretch),
    ) {
        let (first, Some(room)) = self.place(owner) else { return };
        let memory = &mut self.memories[room.memory];
        for piece in pieces(room, run, memory.bytes.len()) {
            put(&mut memory.bytes[piece.address..][..piece.length], &piece);
            let number = first + run.byte + piece.done;
            let tags = &mut memory.tags[piece.address..][..piece.length];
            for (at, tag) in tags.iter_mut().enumerate() {
                *tag = (number + at as u64) | condition;
            }
            if room.memory == 0 {
                self.highest = self.highest.max((piece.address + piece.length) as u64);
            }
        }
    }

    /// Poisons bytes of a run that still are what they were; others have overwritten the rest.
    pub fn free(&mut self, owner: Owner, run: Run) {
        let (first, Some(room)) = self.place(owner) else { return };
        let memory = &mut self.memories[room.memory];
        for piece in pieces(room, run, memory.bytes.len()) {
            let number = first + run.byte + piece.done;
            let bytes = &mut memory.bytes[piece.address..][..piece.length];
            let tags = &mut memory.tags[piece.address..][..piece.length];
            for (at, (byte, tag)) in bytes.iter_mut().zip(tags).enumerate() {
                if *tag == number + at as u64 {
                    *byte = POISON;
                    *tag |= FREED;
                }
            }
        }
    }

    /// The first byte of an operand that a result written element by element, in ascending order,
    /// overwrites before it is read. `run` is a row of the result whose first byte is number `before`
    /// of the piece; `position` says which number of the piece a byte of an operand is.
    pub fn overtaken(
        &self,
        owner: Owner,
        run: Run,
        before: u64,
        width: u64,
        position: impl Fn(ValueId, u64) -> Option<u64>,
    ) -> Option<Loss> {
        let (first, room) = self.place(owner);
        let room = room?;
        let memory = &self.memories[room.memory];
        let width = width.max(1);
        for piece in pieces(room, run, memory.bytes.len()) {
            for at in 0..piece.length {
                let address = piece.address + at;
                let Some((Owner::Value(value), byte, Condition::There)) =
                    self.decode(memory.tags[address])
                else {
                    continue;
                };
                let written = before + piece.done + at as u64;
                if position(value, byte).is_some_and(|read| read / width > written / width) {
                    let number = run.byte + piece.done + at as u64;
                    return Some(Loss {
                        owner: Owner::Value(value),
                        byte,
                        address: Some(address as u64),
                        found: self.decode((first + number) | PROMISED),
                    });
                }
            }
        }
        None
    }

    fn decode(&self, tag: Tag) -> Option<(Owner, u64, Condition)> {
        if tag == NOTHING {
            return None;
        }
        let number = tag & NUMBER;
        let after = self.owners.partition_point(|&(first, _)| first <= number);
        let &(first, owner) = self.owners.get(after.checked_sub(1)?)?;
        let condition = match (tag & PROMISED != 0, tag & FREED != 0) {
            (true, _) => Condition::Promised,
            (false, true) => Condition::Freed,
            (false, false) => Condition::There,
        };
        Some((owner, number - first, condition))
    }

    /// Appends a part's bytes to `to`.
    pub fn gather(&self, network: &Network, part: &Part, to: &mut Vec<u8>) -> Result<(), Loss> {
        let owner = Owner::Value(part.value);
        let Some(runs) = part.runs(network) else {
            return Err(Loss { owner, byte: 0, address: None, found: None });
        };
        for run in runs {
            self.read(owner, run, to)?;
        }
        Ok(())
    }
}

/// Bytes of a run that lie side by side.
struct Stretch {
    address: usize,
    /// Bytes of the run before it.
    done: u64,
    length: usize,
}

/// The stretches of a run in a memory of `size` bytes: it begins anew at the end of the room, and at
/// the end of the memory.
fn pieces(room: Room, run: Run, size: usize) -> impl Iterator<Item = Stretch> {
    let mut done = 0;
    let size = size as u64;
    std::iter::from_fn(move || {
        if done >= run.length || size == 0 {
            return None;
        }
        let inside = (run.stored + done) % room.capacity;
        let address = (room.start + inside % size) % size;
        let length = (run.length - done).min(room.capacity - inside).min(size - address);
        let stretch =
            Stretch { address: address as usize, done, length: usize::try_from(length).ok()? };
        done += length;
        Some(stretch)
    })
}
