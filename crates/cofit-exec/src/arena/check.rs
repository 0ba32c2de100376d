//! A schedule held against the model that it is to run.

use cofit_ir::{Graph, OperatorId, TensorId};
use cofit_stream::{ByChannels, Manner, Network, Pieces, Schedule, StageId, Storage, Uses, Value};
use cofit_vocab::diagnostic::execution as rules;
use cofit_vocab::{Diagnostic, ElementType, Place};
use cranelift_entity::{EntityRef, SecondaryMap};

/// Why a schedule is not run.
type Refusal = Box<Diagnostic>;

/// Checks that `network` is `graph` as a schedule sees it, and that `schedule` is one of it. Which
/// bytes are there when they are read shows when it runs.
pub(super) fn check(graph: &Graph, network: &Network, schedule: &Schedule) -> Result<(), Refusal> {
    check_network(graph, network)?;
    check_groups(graph, network, schedule)?;
    check_values(graph, network, schedule)
}

fn refuse(message: impl Into<String>, place: Place) -> Refusal {
    Diagnostic::error(&rules::NOT_ITS_SCHEDULE, message, place).into()
}

/// Makes the network of the graph anew, in the order of the given one's stages, and compares.
fn check_network(graph: &Graph, network: &Network) -> Result<(), Refusal> {
    let order = order_of(graph, network)?;
    let own = Network::in_order(graph, &order);
    let differs = |a: &Value, b: &Value| {
        let sorted = |value: &Value| {
            let mut tensors = value.tensors.clone();
            tensors.sort_unstable();
            tensors
        };
        let outline = |value: &Value| {
            (value.grid, value.pixel_bytes, value.is_input, value.is_output, sorted(value))
        };
        outline(a) != outline(b)
    };
    let are_values_equal = own.values.len() == network.values.len()
        && !own.values.values().zip(network.values.values()).any(|(a, b)| differs(a, b))
        && graph.tensors.keys().all(|id| own.value_of[id] == network.value_of[id]);
    if !are_values_equal || own.stages != network.stages {
        let message = "its stages and values are not those of the main graph";
        return Err(refuse(message, Place::default()));
    }
    Ok(())
}

/// The graph's operators in the order of the stages; those that are no stages, which give values
/// another shape, as soon as they can run.
fn order_of(graph: &Graph, network: &Network) -> Result<Vec<OperatorId>, Refusal> {
    let mut is_stage: SecondaryMap<OperatorId, bool> = SecondaryMap::new();
    for (id, stage) in &network.stages {
        if !graph.operators.is_valid(stage.operator) || is_stage[stage.operator] {
            let message = format!("{id} is no operator of the main graph, or one that came before");
            return Err(refuse(message, Place::default()));
        }
        is_stage[stage.operator] = true;
    }
    let consumers = graph.consumers();
    let mut order = Vec::with_capacity(graph.operators.len());
    let mut is_placed: SecondaryMap<OperatorId, bool> = SecondaryMap::new();
    let mut fresh: Vec<TensorId> = graph.inputs.clone();
    let mut stages = network.stages.values();
    loop {
        while let Some(tensor) = fresh.pop() {
            for &id in &consumers[tensor] {
                let operator = &graph.operators[id];
                if !is_stage[id] && !is_placed[id] && operator.input(0) == Some(tensor) {
                    is_placed[id] = true;
                    order.push(id);
                    fresh.extend(&operator.outputs);
                }
            }
        }
        let Some(stage) = stages.next() else { break };
        order.push(stage.operator);
        fresh.extend(&graph.operators[stage.operator].outputs);
    }
    if order.len() == graph.operators.len() {
        return Ok(order);
    }
    let missing = graph.operators.keys().find(|&id| !is_stage[id] && !is_placed[id]);
    let place = missing.map_or_else(Place::default, |id| Place::operator(graph.operator_name(id)));
    Err(refuse("an operator of the main graph is no stage", place))
}

fn check_groups(graph: &Graph, network: &Network, schedule: &Schedule) -> Result<(), Refusal> {
    let mut next = 0;
    let uses = Uses::of(network);
    let place = |id: StageId| match network.stages.get(id) {
        Some(stage) => Place::operator(graph.operator_name(stage.operator)),
        None => Place::default(),
    };
    for group in &schedule.groups {
        let (first, last) = (group.first, group.last);
        if first.index() != next || last < first || !network.stages.is_valid(last) {
            let message = format!("a group from {first} to {last} comes where stage{next} is due");
            return Err(refuse(message, place(first)));
        }
        next = last.index() + 1;
        let mut column = 0;
        for strip in &group.strips {
            if strip.start != column || strip.end <= strip.start {
                let message = format!("a strip begins at column {} after {column}", strip.start);
                return Err(refuse(message, place(last)));
            }
            column = strip.end;
        }
        let columns = network.stages[last].grid.columns;
        if column != columns {
            let message = format!("the strips of a group have {column} columns of {columns}");
            return Err(refuse(message, place(last)));
        }
        if matches!(group.pieces, Pieces::Channels(_))
            && (group.strips.len() != 1 || ByChannels::of(network, &uses, first, last).is_none())
        {
            return Err(refuse("its group cannot run by channels", place(first)));
        }
        // Only what each strip may compute anew: not sums, which would count pixels twice, nor what
        // an operator does beside computing.
        let is_anew = |id: StageId| match network.stages[id].manner {
            Manner::Streamed { .. } => true,
            Manner::Accumulated { .. } => id == last,
            Manner::Whole => false,
        };
        if group.strips.len() > 1
            && let Some(id) = group.stages().find(|&id| !is_anew(id))
        {
            let message = "a group of several strips would run it once a strip";
            return Err(refuse(message, place(id)));
        }
    }
    if next != network.stages.len() {
        return Err(refuse("a stage is in no group", place(StageId::new(next))));
    }
    Ok(())
}

/// Checks what kind of place each value has. Whether one that is read has a place at all shows when it
/// is read: what leads nowhere is not computed.
fn check_values(graph: &Graph, network: &Network, schedule: &Schedule) -> Result<(), Refusal> {
    for (value, it) in &network.values {
        let Some(tensor) = it.tensors.first().map(|&id| &graph.tensors[id]) else { continue };
        let place = || Place::tensor(tensor.name.clone());
        let storage = schedule.values[value];
        // Kernels compute half-precision floats in single precision, which two bytes cannot hold.
        if tensor.element == ElementType::Float16 && storage != Storage::Nowhere {
            let message = "half-precision floats are computed in single precision";
            return Err(refuse(message, place()));
        }
        if storage == Storage::Outside && !it.is_input && !it.is_output {
            return Err(refuse("a value inside the network lies outside the arena", place()));
        }
        check_alignment(schedule, storage, u64::from(tensor.element.bits()).div_ceil(8), place)?;
    }
    for (id, stage) in &network.stages {
        let place = || Place::operator(graph.operator_name(stage.operator));
        check_alignment(schedule, schedule.sums[id], 4, place)?;
    }
    Ok(())
}

/// Checks that no element of `width` bytes is torn apart or lies at an address that is no multiple of
/// its size.
fn check_alignment(
    schedule: &Schedule,
    storage: Storage,
    width: u64,
    place: impl Fn() -> Place,
) -> Result<(), Refusal> {
    let Storage::Arena { start, capacity } = storage else { return Ok(()) };
    let arena = schedule.arena.get();
    let begins_anew = start.checked_add(capacity).is_none_or(|end| end > arena);
    let is_aligned = start.is_multiple_of(width)
        && capacity.is_multiple_of(width)
        && (!begins_anew || arena.is_multiple_of(width));
    if is_aligned {
        return Ok(());
    }
    let message = format!(
        "elements of {width} bytes do not fit into {capacity} bytes at address {start} of {}",
        schedule.arena
    );
    Err(refuse(message, place()))
}
