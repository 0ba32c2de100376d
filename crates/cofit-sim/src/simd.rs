//! A CPU or DSP with a kernel library.
//!
//! An operator costs, in cycles of the processor's clock,
//!
//! ```text
//! per_operator + per_call
//!   + per_mac * MACs + per_output * outputs + per_input * inputs + per_weight * weights
//!   + for every memory: wait cycles per byte of weights read, activations read and written
//! ```
//!
//! with the coefficients of its kernel. A kernel is one row per operator class and pair of
//! widths, so that a library's fast paths and its emulated precisions are rows and not code.
//!
//! The cost is linear in the coefficients, and the coefficients are one flat vector with names
//! and physical bounds ([`Costs::parameters`]): fitting a chip is bounded least squares on
//! [`Costs::features`].

use cofit_vocab::Cycles;

use crate::causes::{Cause, Causes};
use crate::work::{Access, Work};

/// What a kernel costs, in cycles.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernel {
    /// The row's name, such as `depthwise` or `convolution-w4`.
    pub name: String,
    /// Per call.
    pub per_call: f64,
    /// Per multiply-accumulate.
    pub per_mac: f64,
    /// Per output element: requantisation, clamp, store.
    pub per_output: f64,
    /// Per input element: widening, gathering into columns.
    pub per_input: f64,
    /// Per weight element: unpacking, reads that nothing reuses.
    pub per_weight: f64,
    /// The native kernel that this one imitates in a precision the processor lacks. What it costs
    /// beyond that one is emulation.
    pub imitates: Option<usize>,
}

impl Kernel {
    /// A kernel that costs nothing yet.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            per_call: 0.0,
            per_mac: 0.0,
            per_output: 0.0,
            per_input: 0.0,
            per_weight: 0.0,
            imitates: None,
        }
    }

    /// Cycles of arithmetic, by the terms that are not waiting or set-up.
    fn arithmetic(&self, work: &Work) -> f64 {
        self.per_mac * work.macs.as_f64()
            + self.per_output * work.outputs as f64
            + self.per_input * work.inputs as f64
    }
}

/// Wait cycles per byte of one memory, beyond the loads and stores in the kernels themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    /// The memory's name.
    pub name: String,
    /// Reading weights.
    pub weight_read: f64,
    /// Reading activations.
    pub read: f64,
    /// Writing activations.
    pub write: f64,
}

impl Wait {
    /// A memory without wait cycles.
    pub fn none(name: impl Into<String>) -> Self {
        Self { name: name.into(), weight_read: 0.0, read: 0.0, write: 0.0 }
    }

    /// Wait cycles per byte of `access`.
    pub const fn per_byte(&self, access: Access) -> f64 {
        match access {
            Access::WeightRead => self.weight_read,
            Access::Read => self.read,
            Access::Write => self.write,
        }
    }

    const fn per_byte_mut(&mut self, access: Access) -> &mut f64 {
        match access {
            Access::WeightRead => &mut self.weight_read,
            Access::Read => &mut self.read,
            Access::Write => &mut self.write,
        }
    }
}

/// The costs of a processor with a kernel library.
#[derive(Clone, Debug, PartialEq)]
pub struct Costs {
    /// Cycles of one inference, whatever the model.
    pub per_inference: f64,
    /// Cycles of one operator, whatever its kernel: dispatch.
    pub per_operator: f64,
    /// The kernels.
    pub kernels: Vec<Kernel>,
    /// The memories.
    pub waits: Vec<Wait>,
}

/// A coefficient of [`Costs`] as calibration sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// The dotted name, such as `depthwise.per_mac` or `sdram.read`.
    pub name: String,
    /// The value in cycles.
    pub value: f64,
    /// The least value that is physically possible.
    pub low: f64,
    /// The largest value that is physically plausible.
    pub high: f64,
}

/// Cycles per multiply-accumulate above which a kernel is no kernel any more: plain C in float on
/// a core without a floating-point unit takes about a hundred.
const MAC_CEILING: f64 = 200.0;

/// Cycles per element: exponentials in software take a few hundred.
const ELEMENT_CEILING: f64 = 1000.0;

/// Cycles per call, operator or inference: a millisecond at a gigahertz.
const CALL_CEILING: f64 = 1e6;

/// Cycles per byte: a 1-bit serial flash at a fiftieth of the processor's clock takes 400.
const BYTE_CEILING: f64 = 400.0;

impl Costs {
    /// The coefficients as a flat vector: per inference, per operator, then five for each kernel,
    /// then three for each memory.
    ///
    /// `peak` is the multiply-accumulates per cycle that the processor's widest instruction does.
    /// No kernel can take fewer than `1 / peak` cycles per multiply-accumulate, unless it does
    /// none.
    pub fn parameters(&self, peak: f64) -> Vec<Parameter> {
        let least_mac = if peak > 0.0 { 1.0 / peak } else { 0.0 };
        let mut list = Vec::with_capacity(2 + 5 * self.kernels.len() + 3 * self.waits.len());
        let mut push = |name: String, value: f64, low: f64, high: f64| {
            list.push(Parameter { name, value, low, high });
        };
        push("per_inference".to_owned(), self.per_inference, 0.0, CALL_CEILING);
        push("per_operator".to_owned(), self.per_operator, 0.0, CALL_CEILING);
        for kernel in &self.kernels {
            let name = |term: &str| format!("{}.{term}", kernel.name);
            let least = if kernel.per_mac == 0.0 { 0.0 } else { least_mac };
            push(name("per_call"), kernel.per_call, 0.0, CALL_CEILING);
            push(name("per_mac"), kernel.per_mac, least, MAC_CEILING);
            push(name("per_output"), kernel.per_output, 0.0, ELEMENT_CEILING);
            push(name("per_input"), kernel.per_input, 0.0, ELEMENT_CEILING);
            push(name("per_weight"), kernel.per_weight, 0.0, ELEMENT_CEILING);
        }
        for wait in &self.waits {
            for access in Access::ALL {
                let name = format!("{}.{}", wait.name, access.name());
                push(name, wait.per_byte(access), 0.0, BYTE_CEILING);
            }
        }
        list
    }

    /// The same costs with the coefficients `values`, in the order of [`Costs::parameters`];
    /// nothing where there are too few or too many.
    pub fn with_values(&self, values: &[f64]) -> Option<Self> {
        let mut costs = self.clone();
        let mut values = values.iter().copied();
        costs.per_inference = values.next()?;
        costs.per_operator = values.next()?;
        for kernel in &mut costs.kernels {
            kernel.per_call = values.next()?;
            kernel.per_mac = values.next()?;
            kernel.per_output = values.next()?;
            kernel.per_input = values.next()?;
            kernel.per_weight = values.next()?;
        }
        for wait in &mut costs.waits {
            for access in Access::ALL {
                *wait.per_byte_mut(access) = values.next()?;
            }
        }
        values.next().is_none().then_some(costs)
    }

    /// What one inference of `works`, each with the index of its kernel, multiplies each
    /// coefficient of [`Costs::parameters`] with. The sum of the products is the inference's
    /// cycles, but for the rounding of each operator.
    ///
    /// Indices of kernels and memories that the costs do not have contribute nothing.
    pub fn features<'a>(&self, works: impl IntoIterator<Item = (usize, &'a Work)>) -> Vec<f64> {
        let kernels_at = 2;
        let waits_at = kernels_at + 5 * self.kernels.len();
        let mut features = vec![0.0; waits_at + 3 * self.waits.len()];
        features[0] = 1.0;
        for (kernel, work) in works {
            features[1] += 1.0;
            if kernel < self.kernels.len() {
                let at = kernels_at + 5 * kernel;
                let terms = [
                    1.0,
                    work.macs.as_f64(),
                    work.outputs as f64,
                    work.inputs as f64,
                    work.weights as f64,
                ];
                for (feature, term) in features[at..].iter_mut().zip(terms) {
                    *feature += term;
                }
            }
            for traffic in &work.traffic {
                if traffic.memory < self.waits.len() {
                    let access = match traffic.access {
                        Access::WeightRead => 0,
                        Access::Read => 1,
                        Access::Write => 2,
                    };
                    features[waits_at + 3 * traffic.memory + access] += traffic.bytes.as_f64();
                }
            }
        }
        features
    }

    /// The cycles of `work` on the kernel `kernel`, by cause, each cause rounded up to whole
    /// cycles; nothing where there is no such kernel or memory.
    ///
    /// Dispatch and call are set-up; reading weights is weight fetch; wait cycles of activations
    /// are activation traffic; the rest is compute, and what an imitating kernel's arithmetic
    /// costs beyond the native one's is emulation.
    pub fn cost(&self, kernel: usize, work: &Work) -> Option<Causes> {
        self.cost_of_calls(kernel, work, 1)
    }

    /// As [`Costs::cost`], where the work is done in so many calls. Weights and traffic are those of
    /// all calls.
    pub fn cost_of_calls(&self, kernel: usize, work: &Work, calls: u64) -> Option<Causes> {
        let kernel = self.kernels.get(kernel)?;
        let arithmetic = kernel.arithmetic(work);
        let native = match kernel.imitates {
            Some(native) => self.kernels.get(native)?.arithmetic(work).min(arithmetic),
            None => arithmetic,
        };
        let mut weights = kernel.per_weight * work.weights as f64;
        let mut activations = 0.0;
        for traffic in &work.traffic {
            let cycles =
                self.waits.get(traffic.memory)?.per_byte(traffic.access) * traffic.bytes.as_f64();
            match traffic.access {
                Access::WeightRead => weights += cycles,
                Access::Read | Access::Write => activations += cycles,
            }
        }
        let mut causes = Causes::ZERO;
        let setup = (self.per_operator + kernel.per_call) * calls as f64;
        causes.charge(Cause::TransferSetup, Cycles::ceil_from(setup));
        causes.charge(Cause::Compute, Cycles::ceil_from(native));
        causes.charge(Cause::Emulation, Cycles::ceil_from(arithmetic - native));
        causes.charge(Cause::WeightFetch, Cycles::ceil_from(weights));
        causes.charge(Cause::ActivationTraffic, Cycles::ceil_from(activations));
        Some(causes)
    }
}

#[cfg(test)]
mod tests {
    use cofit_vocab::{Bytes, Macs};
    use proptest::prelude::*;

    use super::*;

    fn costs() -> Costs {
        let mut native = Kernel::named("convolution");
        native.per_call = 100.0;
        native.per_mac = 0.5;
        native.per_output = 10.0;
        let mut narrow = native.clone();
        narrow.name = "convolution-w4".to_owned();
        narrow.per_mac = 0.75;
        narrow.per_weight = 2.0;
        narrow.imitates = Some(0);
        let mut sdram = Wait::none("sdram");
        sdram.read = 8.0;
        sdram.write = 4.0;
        let mut flash = Wait::none("flash");
        flash.weight_read = 1.5;
        Costs {
            per_inference: 1000.0,
            per_operator: 50.0,
            kernels: vec![native, narrow],
            waits: vec![flash, sdram],
        }
    }

    fn work() -> Work {
        Work { macs: Macs(1000), inputs: 64, outputs: 10, weights: 100, ..Work::default() }
            .with(0, Access::WeightRead, Bytes(101))
            .with(1, Access::Read, Bytes(64))
            .with(1, Access::Write, Bytes(10))
    }

    #[track_caller]
    fn check(kernel: usize, expected: &str) {
        let causes = costs().cost(kernel, &work()).expect("the kernel and its memories exist");
        let text: Vec<String> = causes
            .iter()
            .filter(|(_, cycles)| !cycles.is_zero())
            .map(|(cause, cycles)| format!("{cause}={}", cycles.0))
            .collect();
        assert_eq!(text.join(" "), expected);
    }

    #[test]
    fn every_term_goes_to_its_cause() {
        check(0, "compute=600 weight_fetch=152 activation_traffic=552 transfer_setup=150");
    }

    #[test]
    fn what_imitation_adds_is_emulation() {
        check(
            1,
            "compute=600 weight_fetch=352 activation_traffic=552 transfer_setup=150 emulation=250",
        );
    }

    #[test]
    fn unknown_kernels_and_memories_have_no_cost() {
        assert_eq!(costs().cost(2, &work()), None);
        let elsewhere = work().with(2, Access::Read, Bytes(1));
        assert_eq!(costs().cost(0, &elsewhere), None);
        let mut lost = costs();
        lost.kernels[1].imitates = Some(9);
        assert_eq!(lost.cost(1, &work()), None);
    }

    #[test]
    fn parameters_are_named_and_within_their_bounds() {
        let parameters = costs().parameters(2.0);
        let names: Vec<&str> = parameters.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(
            names[..4],
            ["per_inference", "per_operator", "convolution.per_call", "convolution.per_mac"]
        );
        assert_eq!(names.last(), Some(&"sdram.write"));
        for entry in &parameters {
            assert!(entry.low <= entry.value && entry.value <= entry.high, "{entry:?}");
        }
        assert_eq!(parameters[3].low, 0.5);
    }

    #[test]
    fn values_replace_the_coefficients_in_order() {
        let parameters = costs().parameters(2.0);
        let mut values: Vec<f64> = parameters.iter().map(|entry| entry.value).collect();
        assert_eq!(costs().with_values(&values), Some(costs()));
        values[3] = 3.0;
        let changed = costs().with_values(&values).expect("as many values as parameters");
        assert_eq!(changed.kernels[0].per_mac, 3.0);
        assert_eq!(costs().with_values(&values[1..]), None);
        values.push(0.0);
        assert_eq!(costs().with_values(&values), None);
    }

    proptest! {
        /// Features times parameters is the sum of the costs, up to a cycle per cause of rounding.
        #[test]
        fn the_cost_is_linear_in_the_parameters(
            works in prop::collection::vec((0_usize..2, prop::array::uniform6(0_u64..1_000_000)), 0..20),
        ) {
            let costs = costs();
            let works: Vec<(usize, Work)> = works
                .into_iter()
                .map(|(kernel, [macs, inputs, outputs, weights, read, fetched])| {
                    let work = Work { macs: Macs(macs), inputs, outputs, weights, ..Work::default() };
                    let work = work.with(1, Access::Read, Bytes(read));
                    (kernel, work.with(0, Access::WeightRead, Bytes(fetched)))
                })
                .collect();
            let features = costs.features(works.iter().map(|(kernel, work)| (*kernel, work)));
            let linear: f64 = features
                .iter()
                .zip(costs.parameters(2.0))
                .map(|(feature, parameter)| feature * parameter.value)
                .sum();
            let simulated: Causes =
                works.iter().filter_map(|(kernel, work)| costs.cost(*kernel, work)).sum();
            let total = simulated.sum().as_f64() + costs.per_inference;
            let rounding = 5.0 * works.len() as f64 + 1e-6 * linear;
            prop_assert!(total >= linear - 1e-6 * linear && total <= linear + rounding);
        }

        #[test]
        fn hostile_counts_saturate(counts: [u64; 6]) {
            let [macs, inputs, outputs, weights, read, fetched] = counts;
            let work = Work { macs: Macs(macs), inputs, outputs, weights, ..Work::default() }
                .with(1, Access::Read, Bytes(read))
                .with(0, Access::WeightRead, Bytes(fetched));
            let causes = costs().cost(1, &work).expect("the kernel and its memories exist");
            prop_assert!(causes.sum() >= causes.get(Cause::Compute));
        }
    }
}
