//! Arithmetic on numbers of documents: integers of 64 bits with a sign stay integers as long as both are such and the
//! result fits. All else is computed in floats.

use super::Json;

/// What is done with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Multiply,
    Power,
}

impl Json {
    /// The value as a float, if it is a number.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Json::Int(value) => Some(*value as f64),
            Json::BigInt(value) => Some(*value as f64),
            Json::Float(value) => Some(*value),
            _ => None,
        }
    }

    fn integer(&self) -> Option<i128> {
        match self {
            Json::Int(value) => Some(i128::from(*value)),
            _ => None,
        }
    }

    /// The result, if both are numbers and it is a finite one.
    pub(crate) fn computed(&self, how: Arithmetic, operand: &Json) -> Option<Json> {
        if let (Some(a), Some(b)) = (self.integer(), operand.integer()) {
            let exact = match how {
                Arithmetic::Add => a.checked_add(b),
                Arithmetic::Multiply => a.checked_mul(b),
                Arithmetic::Power => u32::try_from(b).ok().and_then(|exponent| a.checked_pow(exponent)),
            };
            if let Some(result) = exact.and_then(|result| i64::try_from(result).ok()) {
                return Some(Json::Int(result));
            }
        }
        let (a, b) = (self.number()?, operand.number()?);
        let result = match how {
            Arithmetic::Add => a + b,
            Arithmetic::Multiply => a * b,
            Arithmetic::Power => power(a, b),
        };
        result.is_finite().then_some(Json::Float(result))
    }
}

/// `base` to the power of `exponent`. A whole exponent is worked out by squaring, in operations that are the same on
/// every platform; `powf` of the platform's library is only used for others.
fn power(base: f64, exponent: f64) -> f64 {
    if exponent.fract() != 0.0 || exponent.abs() > f64::from(i32::MAX) {
        return libm::pow(base, exponent);
    }
    let (mut result, mut square, mut rest) = (1.0_f64, base, exponent.abs() as u32);
    while rest > 0 {
        if rest & 1 == 1 {
            result *= square;
        }
        square *= square;
        rest >>= 1;
    }
    if exponent < 0.0 { 1.0 / result } else { result }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_stay_integers_while_they_fit() {
        use Arithmetic::{Add, Multiply, Power};
        let int = Json::Int;
        for (a, how, b, result) in [
            (int(1), Add, int(2), Some(int(3))),
            (int(1), Add, Json::Float(0.5), Some(Json::Float(1.5))),
            (Json::Float(1.5), Add, Json::Float(0.5), Some(Json::Float(2.0))),
            (int(i64::MAX), Add, int(1), Some(Json::Float(9_223_372_036_854_775_808.0))),
            (int(3), Multiply, int(-4), Some(int(-12))),
            (int(2), Multiply, Json::Float(2.5), Some(Json::Float(5.0))),
            (int(2), Power, int(10), Some(int(1024))),
            (int(2), Power, int(-1), Some(Json::Float(0.5))),
            (int(2), Power, int(64), Some(Json::Float(18_446_744_073_709_551_616.0))),
            (int(4), Power, Json::Float(0.5), Some(Json::Float(2.0))),
            (int(-4), Power, Json::Float(0.5), None),
            (Json::Float(1e308), Multiply, int(10), None),
            (Json::Null, Add, int(1), None),
        ] {
            assert_eq!(a.computed(how, &b), result, "{a:?} {how:?} {b:?}");
        }
    }
}
