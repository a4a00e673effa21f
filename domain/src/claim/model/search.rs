//! The search: from one beginning every world that any order of steps leads to, each once; a process may die before each
//! of its steps, and time may pass. Judges every world, and tells of the first that breaks a law how it came about.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    rc::Rc,
};

use super::{
    Cell, Flaw, MOMENTS, Place, Watch, laws,
    process::{End, Process, Stage},
};

/// Everything at one moment: what each stream holds, and where each process is, by their numbers in the model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    moment: usize,
    cells: Box<[u32]>,
    processes: Box<[u32]>,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Run(usize),
    Die(usize),
    Wait,
}

/// What a search came to.
#[derive(Debug)]
pub(super) struct Explored {
    /// How many different worlds there are; all of them were looked at, if none broke a law.
    pub(super) worlds: usize,
    /// In how many of them all processes are over.
    pub(super) ends: usize,
    /// The first world that broke a law, and the steps to it, as few as can be.
    pub(super) violation: Option<String>,
}

/// Each different value once, by number.
struct Interned<T> {
    values: Vec<Rc<T>>,
    numbers: HashMap<Rc<T>, u32>,
}

/// What a step of a process does where its stream holds this: the process after it, and what the stream holds then.
type Effect = Result<(u32, Option<u32>), String>;

pub(super) struct Model {
    flaw: Flaw,
    watch: Watch,
    places: Vec<Place>,
    cells: Interned<Cell>,
    processes: Interned<Process>,
    next: HashMap<u32, Option<usize>>,
    effects: HashMap<(u32, u32, usize), Effect>,
    lawful: HashSet<Box<[u32]>>,
    recovered: HashSet<(usize, Box<[u32]>)>,
    worlds: Vec<World>,
    known: HashSet<World>,
    from: Vec<(usize, Step)>,
}

impl Model {
    /// A beginning: what each stream holds, and processes before their first step.
    pub(super) fn new(
        (flaw, watch): (Flaw, Watch),
        streams: Vec<(Place, Cell)>,
        processes: Vec<Process>,
    ) -> Self {
        let mut model = Self {
            flaw,
            watch,
            places: streams.iter().map(|(place, _)| *place).collect(),
            cells: Interned::new(),
            processes: Interned::new(),
            next: HashMap::new(),
            effects: HashMap::new(),
            lawful: HashSet::new(),
            recovered: HashSet::new(),
            worlds: vec![],
            known: HashSet::new(),
            from: vec![],
        };
        let cells = streams.into_iter().map(|(_, cell)| model.cells.number(cell)).collect();
        let processes = processes.into_iter().map(|process| model.processes.number(process)).collect();
        model.add(World { moment: 0, cells, processes }, (0, Step::Wait));
        model
    }

    pub(super) fn explore(mut self) -> Explored {
        let (mut looked_at, mut ends) = (0, 0);
        while looked_at < self.worlds.len() {
            let world = self.worlds[looked_at].clone();
            let steps = self.steps(&world);
            let is_end = !steps.iter().any(|step| matches!(step, Step::Run(_)));
            ends += usize::from(is_end);
            let verdict = self.judge(&world, is_end).and_then(|()| {
                steps.into_iter().try_for_each(|step| {
                    let next = self.after(&world, step)?;
                    self.add(next, (looked_at, step));
                    Ok(())
                })
            });
            if let Err(broken) = verdict {
                let violation = Some(format!("{}\n{broken}", self.story(looked_at).join("\n")));
                return Explored { worlds: self.worlds.len(), ends, violation };
            }
            looked_at += 1;
        }
        Explored { worlds: self.worlds.len(), ends, violation: None }
    }

    fn add(&mut self, world: World, from: (usize, Step)) {
        if self.known.insert(world.clone()) {
            self.worlds.push(world);
            self.from.push(from);
        }
    }

    fn steps(&mut self, world: &World) -> Vec<Step> {
        let mut steps = vec![];
        for (index, process) in world.processes.iter().enumerate() {
            if self.next(*process).is_some() {
                steps.extend([Step::Run(index), Step::Die(index)]);
            }
        }
        if world.moment + 1 < MOMENTS.len() {
            steps.push(Step::Wait);
        }
        steps
    }

    /// The stream that the process will touch.
    fn next(&mut self, process: u32) -> Option<usize> {
        let Self { processes, places, next, .. } = self;
        *next.entry(process).or_insert_with(|| {
            let place = processes.value(process).next()?;
            Some(places.iter().position(|known| *known == place).expect("every stream is known"))
        })
    }

    fn after(&mut self, world: &World, step: Step) -> Result<World, String> {
        let mut world = world.clone();
        match step {
            Step::Wait => world.moment += 1,
            Step::Die(index) => {
                let process = Process::clone(self.processes.value(world.processes[index]));
                world.processes[index] = self.processes.number(process.over(End::Dead));
            }
            Step::Run(index) => {
                let touched = self.next(world.processes[index]).expect("only who has a next step is run");
                let of = (world.processes[index], world.cells[touched], world.moment);
                let (process, written) = self.effect(of)?;
                world.processes[index] = process;
                world.cells[touched] = written.unwrap_or(world.cells[touched]);
            }
        }
        Ok(world)
    }

    fn effect(&mut self, of: (u32, u32, usize)) -> Effect {
        if let Some(known) = self.effects.get(&of) {
            return known.clone();
        }
        let process = Process::clone(self.processes.value(of.0));
        let stepped = process.step(self.cells.value(of.1), MOMENTS[of.2], self.flaw);
        let told = match self.watch {
            Watch::All => laws::what_was_told_holds(&stepped),
            Watch::Doubles => Ok(()),
        };
        let written = stepped.written.map(|cell| self.cells.number(cell));
        let process = self.processes.number(stepped.process);
        let effect = told.map(|()| (process, written));
        self.effects.insert(of, effect.clone());
        effect
    }

    fn judge(&mut self, world: &World, is_end: bool) -> Result<(), String> {
        let is_new = self.lawful.insert(world.cells.clone());
        if is_new {
            laws::no_name_is_doubled(&self.streams(world))?;
        }
        if self.watch == Watch::Doubles {
            return Ok(());
        }
        if is_new {
            laws::every_name_in_use_is_held(&self.streams(world))?;
        }
        if !is_end {
            return Ok(());
        }
        let nobody_died = world
            .processes
            .iter()
            .all(|process| !matches!(self.processes.value(*process).stage, Stage::Over(End::Dead)));
        if nobody_died {
            laws::nothing_is_left_behind(&self.streams(world))?;
        }
        if self.recovered.insert((world.moment, world.cells.clone())) {
            laws::every_name_can_be_taken_after_a_minute(&self.streams(world), MOMENTS[world.moment])?;
        }
        Ok(())
    }

    fn streams(&self, world: &World) -> Vec<(Place, Cell)> {
        let cells = world.cells.iter().map(|cell| Cell::clone(self.cells.value(*cell)));
        self.places.iter().copied().zip(cells).collect()
    }

    /// The steps that led to a world, told one by one.
    fn story(&self, mut at: usize) -> Vec<String> {
        let mut story = vec![];
        while at > 0 {
            let (before, step) = self.from[at];
            story.push(self.told(&self.worlds[before], &self.worlds[at], step));
            at = before;
        }
        story.reverse();
        story
    }

    fn told(&self, before: &World, after: &World, step: Step) -> String {
        let process = |world: &World, index: usize| Rc::clone(self.processes.value(world.processes[index]));
        match step {
            Step::Wait => "time passes".to_owned(),
            Step::Die(index) => format!("{} dies", process(before, index).name()),
            Step::Run(index) => {
                let was = process(before, index);
                let conflict = was.is_writing() && before.cells == after.cells;
                let told = if conflict { ": conflict" } else { "" };
                let end = match process(after, index).stage {
                    Stage::Over(end) => format!(" → {end:?}"),
                    _ => String::new(),
                };
                format!("{} {}{told}{end}", was.name(), was.intent())
            }
        }
    }
}

impl<T: Hash + Eq> Interned<T> {
    fn new() -> Self {
        Self { values: vec![], numbers: HashMap::new() }
    }

    fn number(&mut self, value: T) -> u32 {
        if let Some(number) = self.numbers.get(&value) {
            return *number;
        }
        let (number, value) = (u32::try_from(self.values.len()).unwrap(), Rc::new(value));
        self.values.push(Rc::clone(&value));
        self.numbers.insert(value, number);
        number
    }

    fn value(&self, number: u32) -> &Rc<T> {
        &self.values[usize::try_from(number).unwrap()]
    }
}
