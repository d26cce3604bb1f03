"""The methods behind the operations on credentials."""

from strongroom.services.desk import Method
from strongroom.services.otp.enrolling import Enrolling
from strongroom.services.otp.jobs import Jobs
from strongroom.services.otp.life import CredentialLife
from strongroom.services.otp.lists import Lists
from strongroom.services.otp.parts import Parts
from strongroom.services.otp.profiles import OTPProfiles
from strongroom.services.otp.transfers import CredentialTransfers
from strongroom.services.otp.verifying import Verifying


def otp_methods(parts: Parts) -> dict[str, Method]:
    """By the operations' names."""
    verifying, enrolling, life = Verifying(parts), Enrolling(parts), CredentialLife(parts)
    lists, transfers = Lists(parts), CredentialTransfers(parts)
    profiles, jobs = OTPProfiles(parts), Jobs(parts)
    return {
        "otp.enrol": enrolling.enrol,
        "otp.rotate": enrolling.rotate,
        "otp.link": enrolling.link,
        "otp.fetch": enrolling.fetch,
        "otp.read": lists.read,
        "otp.list": lists.list,
        "otp.verify": verifying.verify,
        "otp.verify-user": verifying.verify_user,
        "otp.activate": verifying.activate,
        "otp.resync": verifying.resync,
        "otp.challenge": verifying.challenge,
        "otp.compute": verifying.compute,
        "otp.suspend": life.suspend,
        "otp.resume": life.resume,
        "otp.unlock": life.unlock,
        "otp.revoke": life.revoke,
        "otp.destroy": life.destroy,
        "otp.import": transfers.import_credentials,
        "otp.export": transfers.export,
        "otp.list-profiles": profiles.list,
        "otp.write-profile": profiles.write,
        "otp.delete-profile": profiles.delete,
        "otp.create-job": jobs.create,
        "otp.list-jobs": jobs.list,
        "otp.read-job": jobs.read,
        "otp.update-job": jobs.update,
    }
