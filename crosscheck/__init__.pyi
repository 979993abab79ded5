from crosscheck.interface import Checks as Checks
from crosscheck.interface import Collection as Collection
from crosscheck.interface import Learnt as Learnt
from crosscheck.interface import Weighing as Weighing
from crosscheck.interface import check as check
from crosscheck.interface import cross_check as cross_check
from crosscheck.interface import learn as learn
from crosscheck.interface import plan as plan
from crosscheck.interface import rank as rank
from crosscheck.interface import read as read
from crosscheck.interface import score as score
from crosscheck.interface import weigh as weigh
from crosscheck.standard import Standard as Standard
from crosscheck.visits.plan import Capacity as Capacity

__version__: str
__all__: list[str]
