//! MySQL's dialect as the parser knows it, and what the parser has wrong of it:
//! XOR stands between OR and AND, `!` is an operator that binds as `-` does, and
//! INTERVAL has units of several parts (`DAY_SECOND`).

use std::any::TypeId;

use sqlparser::ast::{Expr, Interval, Statement, UnaryOperator};
use sqlparser::dialect::{Dialect, MySqlDialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

/// The dialect every statement is parsed in.
#[derive(Debug)]
pub(crate) struct House;

const MYSQL: MySqlDialect = MySqlDialect {};

macro_rules! as_mysql {
    ($($says:ident)*) => {
        $(fn $says(&self) -> bool {
            MYSQL.$says()
        })*
    };
}

impl Dialect for House {
    fn dialect(&self) -> TypeId {
        TypeId::of::<MySqlDialect>()
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        match parser.peek_token_ref().token {
            Token::Word(ref word) if word.keyword == Keyword::XOR => {
                let or = self.prec_value(Precedence::Or);
                Some(Ok(or.saturating_add(1)))
            }
            _ => None,
        }
    }

    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        if parser.parse_keyword(Keyword::INTERVAL) {
            return Some(interval(parser));
        }
        // The parser takes NOT EXISTS for one operator that binds tightly.
        if parser.parse_keywords(&[Keyword::NOT, Keyword::EXISTS]) {
            parser.prev_token();
            return Some(self.not(parser));
        }
        if !parser.consume_token(&Token::ExclamationMark) {
            return None;
        }
        let operand = parser.parse_subexpr(self.prec_value(Precedence::MulDivModOp));
        Some(operand.map(|operand| Expr::UnaryOp {
            op: UnaryOperator::BangNot,
            expr: Box::new(operand),
        }))
    }

    fn allow_extract_custom(&self) -> bool {
        true
    }

    fn is_identifier_start(&self, letter: char) -> bool {
        MYSQL.is_identifier_start(letter)
    }

    fn is_identifier_part(&self, letter: char) -> bool {
        MYSQL.is_identifier_part(letter)
    }

    fn is_delimited_identifier_start(&self, letter: char) -> bool {
        MYSQL.is_delimited_identifier_start(letter)
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        MYSQL.identifier_quote_style(identifier)
    }

    fn parse_infix(
        &self,
        parser: &mut Parser,
        left: &Expr,
        precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        MYSQL.parse_infix(parser, left, precedence)
    }

    fn parse_statement(&self, parser: &mut Parser) -> Option<Result<Statement, ParserError>> {
        MYSQL.parse_statement(parser)
    }

    fn is_table_factor_alias(
        &self,
        explicit: bool,
        keyword: &Keyword,
        parser: &mut Parser,
    ) -> bool {
        MYSQL.is_table_factor_alias(explicit, keyword, parser)
    }

    as_mysql! {
        supports_string_literal_backslash_escape
        supports_string_literal_concatenation
        ignores_wildcard_escapes
        supports_numeric_prefix
        supports_bitwise_shift_operators
        supports_multiline_comment_hints
        require_interval_qualifier
        supports_limit_comma
        supports_create_table_select
        supports_insert_set
        supports_user_host_grantee
        supports_table_hints
        requires_single_line_comment_whitespace
        supports_match_against
        supports_select_modifiers
        supports_set_names
        supports_comma_separated_set_assignments
        supports_update_order_by
        supports_data_type_signed_suffix
        supports_cross_join_constraint
        supports_double_ampersand_operator
        supports_binary_kw_as_cast
        supports_comment_optimizer_hint
        supports_constraint_keyword_without_name
        supports_key_column_option
        supports_group_by_with_modifier
        supports_left_associative_joins_without_parens
    }
}

/// What follows INTERVAL.
fn interval(parser: &mut Parser) -> Result<Expr, ParserError> {
    let value = Box::new(parser.parse_expr()?);
    Ok(Expr::Interval(Interval {
        value,
        leading_field: Some(parser.parse_date_time_field()?),
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    }))
}

impl House {
    /// What follows NOT.
    fn not(&self, parser: &mut Parser) -> Result<Expr, ParserError> {
        let operand = parser.parse_subexpr(self.prec_value(Precedence::UnaryNot))?;
        Ok(Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr: Box::new(operand),
        })
    }
}
