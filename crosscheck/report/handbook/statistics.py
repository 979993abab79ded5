"""Every statistic: its formula, which end is worse, its guards, its source, and the function that computes it.

What a function promises is read from its own docstring when the page is made; tests hold that each function is there,
that each work named here is named in its file, and that no work named in a docstring is missing here.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).resolve().parents[2]
_FUNNELS: Final = (
    "Spiegelhalter 2005, Quality and Safety in Health Care 14:347-351; "
    "Spiegelhalter, Sherlaw-Johnson, Bardsley, Blunt, Wood and Grigg 2012, JRSS A 175:1-47"
)
_CHOICE: Final = "this project's own choice"
_CARELESS: Final = (
    "Meade and Craig 2012, Psychological Methods 17:437-455; "
    "Curran 2016, Journal of Experimental Social Psychology 66:4-19"
)
_MORE: Final = "positive is more than expected; turned by the figure's direction, so that positive is worse"
_WORSE: Final = "positive is worse"


@dataclass(frozen=True)
class Statistic:
    """One statistic; `function` is `room.module.name`."""

    title: str
    function: str
    formula: str
    direction: str
    guards: str
    source: str

    @property
    def promise(self) -> str:
        """What the function says of itself, but for its arguments and what it returns."""
        docstring = ast.get_docstring(_definition(self.function)) or ""
        return inspect.cleandoc(docstring.split("\nArgs:")[0].split("\nReturns:")[0]).strip()

    @property
    def file(self) -> str:
        """Its file, from the checkout's folder."""
        return f"crosscheck/{'/'.join(self.function.split('.')[:-1])}.py"


def _definition(function: str) -> ast.FunctionDef:
    *module, name = function.split(".")
    tree = _tree("/".join(module))
    return next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse((_PACKAGE / f"{module}.py").read_text(encoding="utf-8"))


STATISTICS: Final = (
    Statistic(
        "Proportion against its peers",
        "figures.dispersion.proportions",
        "z = 2√n · (arcsin √(x/n) − arcsin √p),  p = Σx / Σn",
        _MORE,
        "exact where n < 30 or fewer than 10 of the rarer outcome are expected",
        _FUNNELS,
    ),
    Statistic(
        "Standardised ratio against 1",
        "figures.dispersion.ratios",
        "z = 2√E · (√(O/E) − 1)",
        _MORE,
        "exact where fewer than 10 cases are expected",
        _FUNNELS,
    ),
    Statistic(
        "Ratio of observed to expected cases, logarithm (SHMI)",
        "figures.dispersion.log_ratios",
        "z = √E · ln(O/E)",
        _MORE,
        "exact by the Poisson where E < 10; no case counts as half a case; ends are trimmed for φ",
        "NHS Digital, SHMI indicator specification",
    ),
    Statistic(
        "Ratio of two counts",
        "figures.dispersion.ratios_of_counts",
        "z = (ln((a+½)/(b+½)) − ln(Σa/Σb)) / √(a/(a+½)² + b/(b+½)²)",
        _MORE,
        "exact by the binomial where counts are small; two zeros are absent",
        _FUNNELS,
    ),
    Statistic(
        "Mean against the mean of all people",
        "figures.dispersion.means",
        "z = (m − Σnm/Σn) / (s/√n)",
        _MORE,
        "a mean of nobody is absent",
        _FUNNELS,
    ),
    Statistic(
        "Small numbers, proportion",
        "figures.dispersion.exact_binomial",
        "z = Φ⁻¹(P(X < x) + ½ P(X = x)),  X binomial (n, p)",
        _MORE,
        "0 where all or none are expected, and found",
        _CHOICE,
    ),
    Statistic(
        "Small numbers, cases",
        "figures.dispersion.exact_poisson",
        "z = Φ⁻¹(P(X < x) + ½ P(X = x)),  X Poisson (E)",
        _MORE,
        "tails so far that they have no number are held",
        _CHOICE,
    ),
    Statistic(
        "Answers of peers, filled up",
        "scoring.shares.fill_up",
        "w = n_k + max(0, 60 − n) · π_k + 4 · u_k,  π = (others_k + 60 · u_k) / (others + 60),  u even",
        "none",
        "a type of sixty answers or more is given the four even ones only",
        _CHOICE,
    ),
    Statistic(
        "Levels, yes and no",
        "scoring.shares.score_levels",
        "z = Φ⁻¹((w below + ½ w equal) / w),  w filled up",
        _MORE,
        "a worse answer of one's own always scores worse",
        _CHOICE,
    ),
    Statistic(
        "Percentages and numbers that are answered",
        "scoring.shares.score_numbers",
        "z = (x − median) / max((q75 − q25)/1.349, (q90 − q10)/2.563),  mid-quantiles of the others, filled up",
        _MORE,
        "on the scale of the unit: as it is, its logarithm, its logit",
        "Ma, Genton and Parzen 2011, Annals of the Institute of Statistical Mathematics 63:227-243",
    ),
    Statistic(
        "Grades",
        "figures.dispersion.normal_scores",
        "z = Φ⁻¹((number below + ½ number equal) / n)",
        _MORE,
        "a level that all share scores 0",
        _CHOICE,
    ),
    Statistic(
        "Figures without a denominator",
        "figures.dispersion.robust_scores",
        "z = (x − median) / (1.4826 · median |x − median|)",
        _MORE,
        "mid-rank normal scores where more than half are equal",
        _CHOICE,
    ),
    Statistic(
        "Over-dispersion",
        "figures.dispersion.estimate_spread",
        "φ = Σz_w² / I,  z_w Winsorised at 10%, of log ratios trimmed;  τ² as below with Q = Iφ",
        "φ above 1: organisations differ more than chance allows",
        "the approximate z, of small units too; τ² never below 0",
        _FUNNELS,
    ),
    Statistic(
        "Variance between organisations",
        "figures.dispersion.between_variance",
        "τ² = max(0, (Q − (I − 1)) / (Σw − Σw²/Σw)),  w = 1/s²",
        "none",
        "0 where the spread is no more than chance",
        "DerSimonian and Laird 1986",
    ),
    Statistic(
        "Score adjusted for over-dispersion",
        "figures.dispersion.adjust",
        "z_adj = z · s / √(s² + τ²);  or z / √φ",
        _MORE,
        "an exact score is shrunk by the same factor",
        _FUNNELS,
    ),
    Statistic(
        "Limits of a funnel",
        "figures.dispersion.funnel_limits",
        "t ± Φ⁻¹((1 + c)/2) · √(s² + τ²)",
        "none",
        "within what is possible",
        _FUNNELS,
    ),
    Statistic(
        "False discovery rate",
        "figures.dispersion.false_discovery",
        "q₍ᵢ₎ = min over j ≥ i of p₍ⱼ₎ · m / j",
        "small: not by chance alone",
        "absent scores count nowhere",
        "Benjamini and Hochberg",
    ),
    Statistic(
        "Scores of a section together",
        "scoring.pooling.pool_scores",
        "Z = Σ w x / √(Σ Σ w_j w_k ρ_jk), over what is there",
        _WORSE,
        "each score held from −1 to 4, so that good news does not cancel bad",
        _FUNNELS.split("; ")[1],
    ),
    Statistic(
        "Correlations of items",
        "scoring.pooling.shrunk_correlations",
        "ρ* = mean + (ρ − mean) · nσ² / (1 + nσ²)",
        "none",
        "made positive definite",
        "DerSimonian and Laird 1986, Controlled Clinical Trials 7:177-188",
    ),
    Statistic(
        "Skewness of pooled scores",
        "scoring.pooling.normalised",
        "Z = (6/g)[(1 + gS/2)^⅓ − 1] + g/6,  g = third moment / variance^1.5",
        _WORSE,
        "errs to the careful side",
        "Wilson and Hilferty 1931",
    ),
    Statistic(
        "Sum over periods",
        "scoring.cusum.accumulate",
        "Cₜ = max(0, Cₜ₋₁ + zₜ − k)",
        _WORSE,
        "an absent period leaves the sum as it was",
        "Page 1954",
    ),
    Statistic(
        "Periods until a signal",
        "scoring.cusum.run_length",
        "L(s) = 1 + L(0) P(s + x − k ≤ 0) + ∫ L(y) φ(y − s + k − shift) dy",
        "longer: fewer false alarms",
        "solved by quadrature",
        "Brook and Evans 1972, Biometrika 59:539-549",
    ),
    Statistic(
        "Patterns of a return",
        "scoring.patterns.find_patterns",
        "p = (1 + number of made-up returns that go as far) / (1 + draws)",
        "none: it asks",
        "fewer than ten returns of a type say nothing",
        _CHOICE,
    ),
    Statistic(
        "Outliers by random splits",
        "scoring.outliers.isolate",
        "distance = mean path of all − own mean path, over the trees",
        "positive is odder, not worse",
        "seed fixed, rows sorted",
        "Liu, Ting and Zhou 2008, ICDM, 413-422",
    ),
    Statistic(
        "Outliers by distance from the core",
        "scoring.outliers.leave_the_core",
        "d² = (x − m)ᵀ S⁻¹ (x − m), m and S of the central three quarters",
        "positive is odder, not worse",
        "covariance shrunk",
        "Boudt, Rousseeuw, Vanduffel and Verdonck 2020, Statistics and Computing 30:113-128",
    ),
    Statistic(
        "Outliers by distance from neighbours",
        "scoring.outliers.look_around",
        "distance = mean distance to the nine nearest of its type",
        "positive is odder, not worse",
        "absent scores tell nothing",
        _CHOICE,
    ),
    Statistic(
        "Answers that contradict each other",
        "scoring.answering.measure_contradictions",
        "mean over pairs of (a − sign(r) b)²/2(1 − |r|)",
        "positive is odder, not worse",
        "only pairs whose correlation is beyond chance; 1 − |r| at least .05",
        _CARELESS,
    ),
    Statistic(
        "The same answer again and again",
        "scoring.answering.measure_runs",
        "the longest run of one answer among questions with the same levels",
        "positive is odder, not worse",
        "a question without an answer neither goes on nor ends a run",
        _CARELESS,
    ),
    Statistic(
        "Answers in one place of the scale",
        "scoring.answering.measure_closeness",
        "1/4 − variance of the answers, each from 0 (first level) to 1 (last)",
        "positive is odder, not worse",
        "no answer adds nothing",
        _CARELESS,
    ),
    Statistic(
        "Unexpected declarations",
        "scoring.unexpected_declarations.predict_statuses",
        "s = −log₂ P(what is declared), negative where that is a lapse",
        _WORSE,
        "cross-validated by organisation; the base rate where lapses are too rare to learn from",
        _CHOICE,
    ),
    Statistic(
        "What the items have in common",
        "risk.factors.fit_loadings",
        "z = a·quality + b·response bias + c·(what its group shares) + noise,  a ≥ 0,  b ≤ 0",
        _WORSE,
        "absent items are left out of every sum; learnt around stated priors; steps and settling in the manifest",
        "Rubin and Thayer 1982, Psychometrika 47:69-76; Holzinger and Swineford 1937, Psychometrika 2:41-54; "
        "Byrd, Lu, Nocedal and Zhu 1995, SIAM Journal on Scientific Computing 16:1190-1208",
    ),
    Statistic(
        "How the search for the loadings settles",
        "risk.search.minimise",
        "first within bounds, by slopes alone;  then Newton steps until nothing moves",
        "none",
        "steps and settling are in the manifest",
        "Byrd, Lu, Nocedal and Zhu 1995, SIAM Journal on Scientific Computing 16:1190-1208; "
        "Nocedal and Wright 2006, Numerical Optimization",
    ),
    Statistic(
        "Whether a figure says anything of quality",
        "risk.relevance.find_irrelevant",
        "odds(says nothing) = N(a; 0, narrow) / N(a; stated),  each with the likelihood where the search has settled",
        _WORSE,
        "an organisation's own answers are never judged so; a figure judged to say nothing has a loading near zero",
        "George and McCulloch 1993, Journal of the American Statistical Association 88:881-889",
    ),
    Statistic(
        "Weights of items that no worse answer can lower",
        "risk.weights.weigh_items",
        "w = argmin over w ≥ 0 of wᵀΣw − 2cᵀw;  decibans = 7.34 · w z / √(1 − k)",
        _WORSE,
        "an answer that was not given counts as the average answer; no item above a stated number of decibans",
        "Lawson and Hanson 1974, Solving Least Squares Problems, chapter 23; Cho and Saul 2009, NeurIPS 22",
    ),
    Statistic(
        "Weight of a check, as stated",
        "risk.checks.prior_check_weights",
        "decibans = (by strength and severity) · (factor of its kind)",
        _WORSE,
        "only where it differs; one that a worse answer can end weighs no more than the one which that answer begins",
        _CHOICE,
    ),
    Statistic(
        "Weight of a check, moved by what visits saw",
        "risk.checks.confirm_check_weights",
        "stated + n/(n + prior) · (log-odds of 1 − (1 − p)(1 − decisive · reliable) − log-odds of p − stated)",
        _WORSE,
        "evidence that was not offered counts neither way; never below 0",
        _CHOICE,
    ),
    Statistic(
        "One answer counted once",
        "risk.checks.cover_scores",
        "left of a score = max(0, its decibans − Σ weight of a check / answers that it rests on)",
        _WORSE,
        "a score that no check covers is left as it is",
        _CHOICE,
    ),
    Statistic(
        "Share in truth not met",
        "risk.prevalence.estimate_lapse_share",
        "p = (found − 1 + specificity) / (sensitivity + specificity − 1),  the stated share counting as so many visits",
        "higher is worse",
        "visits chosen by risk say nothing of it; former years with what is left of them",
        "Rogan and Gladen 1978, American Journal of Epidemiology 107:71-76",
    ),
    Statistic(
        "What visits teach",
        "risk.learning.learn_from_visits",
        "maximum of log-likelihood − Σ (value − stated)² / 2 sd²;  P(found) = 1 − specificity + power · P(in truth)",
        _WORSE,
        "the link on a grid from 0; two visits to one trust in a year share one unit of information",
        _CHOICE,
    ),
    Statistic(
        "Risk as parts",
        "risk.evidence.add_prior",
        "log-odds(risk) = level + Σ parts;  decibans = 10 · log₁₀ odds",
        _WORSE,
        "what is absent makes no part; a trust without a return is never below the average",
        _CHOICE,
    ),
    Statistic(
        "Level of all risks",
        "risk.evidence.solve_level",
        "mean over declarations of compliance of 1 / (1 + 10^(−(level + Σ parts)/10)) = p,  by Newton's method",
        "higher is worse",
        "before any visit of the year",
        _CHOICE,
    ),
    Statistic(
        "How sure the risk is, and the place",
        "risk.intervals.rank_declarations",
        "risk: 5% and 95% quantiles over draws of all parameters, level solved anew;  place: the quality besides",
        "rank 1 is the first to visit",
        "a weight of zero stays zero; draws by the name of each part; equal sums are ordered by code",
        _CHOICE,
    ),
    Statistic(
        "Risks under another share",
        "risk.assumption.vary_prevalence",
        "the level solved anew for each share; weights as they are",
        "higher is worse",
        "declarations to visit only",
        _CHOICE,
    ),
    Statistic(
        "Random draw",
        "visits.draw.stratify",
        "the n smallest of N tickets in each stratum; chance n / N, of a pair n(n − 1) / (N(N − 1))",
        "none",
        "one that enters or leaves replaces at most one that was drawn",
        "Cochran 1977, Sampling Techniques",
    ),
    Statistic(
        "Order of the tickets",
        "visits.draw.draw_from",
        "(u / (1 − u)) / weight, u the first 52 bits of the ticket as a number between 0 and 1",
        "the smallest are drawn",
        "with equal weights the order of the tickets themselves; of equal ones the whole ticket decides",
        "Rosén 1997, On sampling with probability proportional to size",
    ),
    Statistic(
        "Chances of the adaptive design",
        "visits.adaptive.choose_chances",
        "the greatest Σ N·π·gain with Σ N·π = n and Σ N·r(1 − r)(1/π − 1) within its bound",
        "higher is sooner visited",
        "bins of like risk; floor for everybody; nobody above .95",
        "Henderson et al. 2022, arXiv 2204.11910; Särndal, Swensson and Wretman 1992, Model Assisted Survey Sampling",
    ),
    Statistic(
        "Exact chances of order sampling",
        "visits.adaptive.inclusion_chances",
        "π = ∫ f(x)·P(fewer than n others before x) dx;  of a pair ∫ (F·G)'(x)·P(fewer than n − 1 others before x) dx",
        "none",
        "computed, not simulated: a sum of binomial numbers by its characteristic function, Gauss-Legendre nodes",
        "Rosén 1997, On sampling with probability proportional to size",
    ),
    Statistic(
        "Fit of the design",
        "visits.dry_draws.measure_fit",
        "chi-square of how often each was drawn, with the covariance of a fixed number of draws; z of each, of pairs",
        "none",
        "1,000 made-up values; what is drawn always or never does not vary",
        _CHOICE,
    ),
    Statistic(
        "Expected benefit of a visit",
        "visits.benefit.weigh_benefit",
        "risk × severity of the gravest discrepancy × what a visit can change",
        "higher is sooner visited",
        "where nothing differs the lowest severity; less where another declaration is followed up or was visited",
        _CHOICE,
    ),
    Statistic(
        "Draws of each stratum",
        "visits.draw.allocate",
        "each draw to the stratum with the highest N / (2n + 1)",
        "none",
        "no stratum loses a draw to another because a third one grew",
        "Balinski and Young 2001, Fair Representation",
    ),
    Statistic(
        "Tours across the borders of parts of the country",
        "visits.exchanges.exchange_visits",
        "the best move or exchange of one visit, until none saves a metre",
        "fewer kilometres are better",
        "agreed visits stay",
        "Bentley 1992, ORSA Journal on Computing 4:387-411",
    ),
    Statistic(
        "Tours of the teams",
        "visits.tours.choose_tours",
        "kilometres of the plan against the value of a linear programme over tours, below which no plan can be",
        "fewer kilometres are better",
        "a visit whose place is not known counts as in the middle of its region; its kilometres are not stated",
        "Baldacci, Christofides and Mingozzi 2008, Mathematical Programming 115:351-385",
    ),
    Statistic(
        "Lift",
        "visits.outcomes.lift",
        "lift = (x₁/n₁) / (x₂/n₂);  se of its logarithm √((1 − p₁)/x₁ + (1 − p₂)/x₂)",
        "above 1: the list does better than chance",
        "what was not judged is no pass",
        "Katz et al. 1978, Biometrics 34:469-474",
    ),
    Statistic(
        "Area under the curve",
        "visits.outcomes.area_under_curve",
        "P(score of one found otherwise > score of one upheld) + ½ P(equal)",
        "½ is chance, 1 is perfect",
        "weighted where chances differ",
        "DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837-845",
    ),
    Statistic(
        "Precision down the list",
        "visits.outcomes.average_precision",
        "mean over those found of the share found down to their score",
        "higher: a better list",
        "ties are taken together",
        _CHOICE,
    ),
    Statistic(
        "Calibration",
        "visits.calibration.calibrate",
        "mean risk against the share in truth not met, by tenth, type, function, region;  "
        "error Σ w |stated − found| / Σ w over the tenths",
        "near: risks mean what they say",
        "visitors' errors are taken out of what visits found; no group has less than 0",
        "Rogan and Gladen 1978, AJE 107:71-76",
    ),
    Statistic(
        "Interval of a share, with clusters",
        "visits.calibration.share_by_clusters",
        "v = G/(G − 1) Σ (Σ w (y − p))² / (Σ w)² over G clusters;  "
        "Wilson's interval at m = min(n, p(1 − p)/v) with t(G − 1)",
        "none",
        "a single cluster has no interval; where nothing was found m = n",
        "Korn and Graubard 1998, Survey Methodology 24:193-201; Wilson 1927",
    ),
    Statistic(
        "Exact interval of a share",
        "visits.binomial.binomial_interval",
        "B(a; x + d, n − x + 1 − d) to B(1 − a; x + 1 − d, n − x + d), B(·; α, β) the beta quantile, x = np;  d = 0",
        "none",
        "nobody: 0 to 1; everybody: the share itself",
        "Clopper and Pearson 1934, Biometrika 26:404-413; Korn and Graubard 1998, Survey Methodology 24:193-201",
    ),
    Statistic(
        "Prevalence from the draw",
        "visits.prevalence_estimates.estimate_prevalence",
        "Σ y/π over organisations drawn, over M;  Σ y/π over Σ m/π;  the same less β (Σ x/π over Σ m/π − X/M)",
        "higher is worse",
        "only visits drawn at random; a stratum without a visit leaves the first unknown",
        "Horvitz and Thompson 1952, JASA 47:663-685; Hájek 1971; Särndal, Swensson and Wretman 1992, chapter 6",
    ),
    Statistic(
        "Standard error of the prevalence",
        "visits.prevalence_estimates.design_variance",
        "Σ over strata n/(n − 1) Σ (1 − π)(y/π − B)², B = Σ (1 − π) y/π over Σ (1 − π);  N² (1 − n/N) s²/n at π = n/N",
        "none",
        "a stratum with one visit of several organisations has none",
        "Hájek 1964, Annals of Mathematical Statistics 35:1491-1523; Sen 1953; Yates and Grundy 1953",
    ),
    Statistic(
        "Interval of the prevalence",
        "visits.prevalence_estimates.effective_number",
        "the exact interval with d = 1/8 at n = p(1 − p)/v,  "
        "v = Σ (1 − π)/π² (p(1 − p)(m + m(m − 1)ρ) + (p − P)² (m − m̄)²)/M²",
        "none",
        "nothing found: it begins at 0; everything drawn: it has no width",
        "Korn and Graubard 1998, Survey Methodology 24:193-201",
    ),
    Statistic(
        "Confidence sequence of the prevalence",
        "visits.confidence_sequence.follow_weeks",
        "all Σ θ with log of the bets − Σ log of the urns(θ) ≤ log 20 in every week",
        "higher is worse",
        "no visit: 0 to 1; two declarations of an organisation at most",
        "Darling and Robbins 1967, PNAS 58:66-68; Waudby-Smith and Ramdas 2020, NeurIPS 33; Ville 1939",
    ),
    Statistic(
        "Lift of the visits by risk",
        "visits.season_yield.compare_arms",
        "p/q, p of the arm by risk and q of the random arm; the ends join the exact intervals of both",
        "higher: the list is worth more",
        "an arm without a visit: no lift; nothing found at random: no upper end",
        "Donner and Zou 2012, Statistical Methods in Medical Research 21:347-359",
    ),
    Statistic(
        "Chance to tell two rates apart",
        "visits.season_yield.power_to_tell",
        "Φ(h √(ab/(a + b)) − z), h = 2 asin √p − 2 asin √q;  a and b visits in the arms",
        "none",
        "an arm without a visit: 0",
        "Cohen 1988, Statistical Power Analysis for the Behavioral Sciences, chapter 6",
    ),
    Statistic(
        "An assessor's rate",
        "visits.hit_rates.rate_assessors",
        "(x + k p)/(n + k), p the rate of all, k = p(1 − p)/s² − 1 between 4 and 400, s² by moments between assessors",
        "none",
        "no visit names an assessor: no rate",
        "Kleinman 1973, JASA 68:46-54",
    ),
)
