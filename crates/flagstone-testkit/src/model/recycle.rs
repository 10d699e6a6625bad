//! The naive recycling pool.

/// An object, as far as the model knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NaiveObject {
    /// Which one it is.
    pub id: u64,
    /// Whether it serves the next user.
    pub valid: bool,
}

/// The idle objects of a recycling pool as a list, with an exact bound.
#[derive(Clone, Debug)]
pub struct NaiveRecycle {
    most: usize,
    out: usize,
    idle: Vec<NaiveObject>,
    gone: usize,
}

impl NaiveRecycle {
    /// At most `most` objects, none of which exists.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            out: 0,
            idle: Vec::new(),
            gone: 0,
        }
    }

    /// Objects in use, and slots kept for one.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.out
    }

    /// Idle objects.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.idle.len()
    }

    /// Objects given up so far.
    #[must_use]
    pub fn gone(&self) -> usize {
        self.gone
    }

    /// Hands an object out: an idle one, or `None` for one that is made now.
    ///
    /// # Errors
    ///
    /// When there are as many as there can be.
    #[expect(clippy::result_unit_err, reason = "there is one reason")]
    pub fn acquire(&mut self) -> Result<Option<u64>, ()> {
        while let Some(object) = self.idle.pop() {
            if object.valid {
                self.out += 1;
                return Ok(Some(object.id));
            }
            self.gone += 1;
        }
        if self.out == self.most {
            return Err(());
        }
        self.out += 1;
        Ok(None)
    }

    /// Takes an object back.
    pub fn release(&mut self, object: NaiveObject) {
        self.out -= 1;
        self.idle.push(object);
    }

    /// An object, or a slot kept for one, leaves for good.
    pub fn leave(&mut self) {
        self.out -= 1;
    }

    /// Takes an object from outside; whether there was room.
    pub fn attach(&mut self, object: NaiveObject) -> bool {
        let room = self.out + self.idle.len() < self.most;
        if room {
            self.idle.push(object);
        }
        room
    }

    /// Gives the idle objects up; how many there were.
    pub fn discard_idle(&mut self) -> usize {
        let count = self.idle.len();
        self.idle.clear();
        self.gone += count;
        count
    }
}
