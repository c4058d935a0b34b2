"""Calls every group of operations with boto3, and prints the names of the operations that it has called.

The endpoint, the Region and the credentials come from the environment. Ends with a traceback where an answer is not the
one that AWS KMS gives.
"""

import json
from datetime import datetime, timedelta, timezone

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

CONFIG = Config(retries={"total_max_attempts": 1})
PLAINTEXT = b"an order"
CONTEXT = {"team": "orders"}
USER = "arn:aws:iam::000000000000:user/alana"

called = set()
kms = boto3.client("kms", config=CONFIG)
kms.meta.events.register("before-call.kms", lambda model, **_: called.add(model.name))


def refused(code, call, **request):
    try:
        call(**request)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
    else:
        raise AssertionError(f"no exception instead of {code}")


def new_key(**request):
    return kms.create_key(**request)["KeyMetadata"]["KeyId"]


def encryption():
    key, other = new_key(), new_key()
    blob = kms.encrypt(KeyId=key, Plaintext=PLAINTEXT, EncryptionContext=CONTEXT)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)["Plaintext"] == PLAINTEXT
    refused("InvalidCiphertextException", kms.decrypt, CiphertextBlob=blob)
    refused("IncorrectKeyException", kms.decrypt, CiphertextBlob=blob, KeyId=other)
    refused("DryRunOperationException", kms.encrypt, KeyId=key, Plaintext=PLAINTEXT, DryRun=True)
    moved = kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext=CONTEXT, DestinationKeyId=other)
    assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])["KeyId"].endswith(other)
    data_key = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    opened = kms.decrypt(CiphertextBlob=data_key["CiphertextBlob"])["Plaintext"]
    assert opened == data_key["Plaintext"] and len(opened) == 32
    assert "Plaintext" not in kms.generate_data_key_without_plaintext(KeyId=key, NumberOfBytes=64)
    pair = kms.generate_data_key_pair(KeyId=key, KeyPairSpec="ECC_NIST_P256")
    assert kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"])["Plaintext"] == pair["PrivateKeyPlaintext"]
    kms.generate_data_key_pair_without_plaintext(KeyId=key, KeyPairSpec="ECC_NIST_P256")
    assert len(kms.generate_random(NumberOfBytes=24)["Plaintext"]) == 24
    usage = kms.get_key_last_usage(KeyId=key)["KeyLastUsage"]
    assert usage["Operation"] == "GenerateDataKeyPairWithoutPlaintext", usage


def signatures():
    for spec, algorithm in [("ECC_NIST_P256", "ECDSA_SHA_256"), ("ML_DSA_65", "ML_DSA_SHAKE_256")]:
        key = new_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")
        request = {"KeyId": key, "Message": PLAINTEXT, "SigningAlgorithm": algorithm}
        signature = kms.sign(**request)["Signature"]
        assert kms.verify(**request, Signature=signature)["SignatureValid"]
        changed = {**request, "Message": b"another order"}
        refused("KMSInvalidSignatureException", kms.verify, **changed, Signature=signature)
        assert kms.get_public_key(KeyId=key)["SigningAlgorithms"] == [algorithm]
    if "Encapsulate" in kms.meta.service_model.operation_names:
        request = {
            "KeyId": new_key(KeySpec="ML_KEM_768", KeyUsage="ENCAPSULATE_DECAPSULATE"),
            "EncapsulationAlgorithm": "ML_KEM",
        }
        made = kms.encapsulate(**request)
        blob = made["SharedSecretCiphertextBlob"]
        assert kms.decapsulate(**request, SharedSecretCiphertextBlob=blob)["SharedSecret"] == made["SharedSecret"]
    mac_key = new_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    request = {"KeyId": mac_key, "Message": PLAINTEXT, "MacAlgorithm": "HMAC_SHA_256"}
    assert kms.verify_mac(**request, Mac=kms.generate_mac(**request)["Mac"])["MacValid"]
    ours, theirs = [new_key(KeySpec="ECC_NIST_P384", KeyUsage="KEY_AGREEMENT") for _ in range(2)]
    secrets = [
        kms.derive_shared_secret(
            KeyId=key, PublicKey=kms.get_public_key(KeyId=peer)["PublicKey"], KeyAgreementAlgorithm="ECDH"
        )["SharedSecret"]
        for key, peer in [(ours, theirs), (theirs, ours)]
    ]
    assert secrets[0] == secrets[1] and len(secrets[0]) == 48


def keys():
    key = new_key(Description="orders", Tags=[{"TagKey": "team", "TagValue": "orders"}])
    described = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert abs(described["CreationDate"] - datetime.now(timezone.utc)) < timedelta(minutes=1)
    kms.update_key_description(KeyId=key, Description="other orders")
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["Description"] == "other orders"
    assert key in [entry["KeyId"] for page in kms.get_paginator("list_keys").paginate(Limit=2) for entry in page["Keys"]]
    kms.disable_key(KeyId=key)
    refused("DisabledException", kms.encrypt, KeyId=key, Plaintext=PLAINTEXT)
    kms.enable_key(KeyId=key)
    kms.create_alias(AliasName="alias/boto3", TargetKeyId=key)
    kms.update_alias(AliasName="alias/boto3", TargetKeyId=new_key())
    assert [alias["AliasName"] for alias in kms.list_aliases(KeyId=key)["Aliases"]] == []
    kms.delete_alias(AliasName="alias/boto3")
    refused("NotFoundException", kms.describe_key, KeyId="alias/boto3")
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "more", "TagValue": ""}])
    kms.untag_resource(KeyId=key, TagKeys=["team"])
    assert kms.list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "more", "TagValue": ""}]
    scheduled = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert timedelta(days=6) < scheduled["DeletionDate"] - datetime.now(timezone.utc) < timedelta(days=8)
    kms.cancel_key_deletion(KeyId=key)


def rotation():
    key = new_key()
    blob = kms.encrypt(KeyId=key, Plaintext=PLAINTEXT)["CiphertextBlob"]
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=180)
    assert kms.get_key_rotation_status(KeyId=key)["RotationPeriodInDays"] == 180
    kms.disable_key_rotation(KeyId=key)
    kms.rotate_key_on_demand(KeyId=key)
    assert [one["RotationType"] for one in kms.list_key_rotations(KeyId=key)["Rotations"]] == ["ON_DEMAND"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == PLAINTEXT


def imported_material():
    key = new_key(Origin="EXTERNAL")
    parameters = kms.get_parameters_for_import(
        KeyId=key, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048"
    )
    request = {"KeyId": key, "ImportToken": parameters["ImportToken"], "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    refused("InvalidCiphertextException", kms.import_key_material, **request, EncryptedKeyMaterial=bytes(256))
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingImport"
    kms.delete_imported_key_material(KeyId=key)


def regions():
    key = new_key(MultiRegion=True)
    kms.replicate_key(KeyId=key, ReplicaRegion="us-west-2")
    elsewhere = boto3.client("kms", region_name="us-west-2", config=CONFIG)
    blob = kms.encrypt(KeyId=key, Plaintext=PLAINTEXT)["CiphertextBlob"]
    assert elsewhere.decrypt(CiphertextBlob=blob)["Plaintext"] == PLAINTEXT
    kms.update_primary_region(KeyId=key, PrimaryRegion="us-west-2")
    configuration = kms.describe_key(KeyId=key)["KeyMetadata"]["MultiRegionConfiguration"]
    assert configuration["MultiRegionKeyType"] == "REPLICA"


def permissions():
    key = new_key()
    policy = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy)
    assert kms.list_key_policies(KeyId=key)["PolicyNames"] == ["default"]
    refused("MalformedPolicyDocumentException", kms.put_key_policy, KeyId=key, Policy="{}")
    request = {"KeyId": key, "GranteePrincipal": USER, "RetiringPrincipal": USER, "Operations": ["Encrypt"]}
    grant = kms.create_grant(**request)
    assert kms.list_grants(KeyId=key)["Grants"][0]["GrantId"] == grant["GrantId"]
    assert kms.list_retirable_grants(RetiringPrincipal=USER)["Grants"][0]["GrantId"] == grant["GrantId"]
    kms.revoke_grant(KeyId=key, GrantId=grant["GrantId"])
    kms.retire_grant(GrantToken=kms.create_grant(**request)["GrantToken"])
    assert kms.list_grants(KeyId=key)["Grants"] == []


def key_stores():
    absent = {"CustomKeyStoreId": "cks-1234567890abcdef0"}
    refused(
        "XksProxyUriUnreachableException",
        kms.create_custom_key_store,
        CustomKeyStoreName="boto3",
        CustomKeyStoreType="EXTERNAL_KEY_STORE",
        XksProxyConnectivity="PUBLIC_ENDPOINT",
        XksProxyUriEndpoint="https://proxy.invalid",
        XksProxyUriPath="/kms/xks/v1",
        XksProxyAuthenticationCredential={"AccessKeyId": "A" * 20, "RawSecretAccessKey": "a" * 43},
    )
    assert kms.describe_custom_key_stores()["CustomKeyStores"] == []
    for call in [
        kms.update_custom_key_store,
        kms.connect_custom_key_store,
        kms.disconnect_custom_key_store,
        kms.delete_custom_key_store,
    ]:
        refused("CustomKeyStoreNotFoundException", call, **absent)


for group in [encryption, signatures, keys, rotation, imported_material, regions, permissions, key_stores]:
    group()
print(json.dumps({"called": sorted(called), "known": sorted(kms.meta.service_model.operation_names)}))
